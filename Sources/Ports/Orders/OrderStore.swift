public import MillraceCore

/// Orders, how far each has come, and what monitor-system keeps. Everything is safe on disk when a call returns.
public protocol OrderStore: Sendable {
    // MARK: For proxy-server

    /// Takes new orders, all of them or none: if one conflicts, none is taken, and the others report what they would
    /// have been.
    func insert(_ orders: [NewOrder]) async throws(StoreError) -> [Insertion]

    /// Notes that the START of these orders is on the bus.
    func markPublished(_ ids: [OrderID]) async throws(StoreError)

    /// Orders whose START may not be on the bus, oldest first.
    func unpublished(limit: Int) async throws(StoreError) -> [NewOrder]

    // MARK: For whoever asks

    func order(_ id: OrderID) async throws(StoreError) -> OrderRecord?

    /// Orders, newest first, from the one after `cursor` on.
    func orders(state: OrderState?, limit: Int, after cursor: Int64?) async throws(StoreError) -> [OrderRecord]

    /// What monitor-system has last saved of each task, by name.
    func tasks() async throws(StoreError) -> [KeptScaler]

    /// The latest decisions about a task, newest first.
    func decisions(for task: TaskName, limit: Int) async throws(StoreError) -> [ScalingDecision]

    // MARK: For monitor-system

    /// What monitor-system has saved: offsets, tasks, and the orders that have started and not ended.
    func loadMonitor() async throws(StoreError) -> MonitorSnapshot

    func progress(of ids: Set<OrderID>) async throws(StoreError) -> [OrderID: OrderProgress]

    /// Saves changes and the offsets they were read from in one transaction. Ended orders never change again.
    /// - Parameter expected: the offsets as this reader last loaded or saved them.
    /// - Throws: `fenced` when they are others by now: another monitor-system has taken over; nothing is saved then.
    func saveMonitor(_ save: MonitorSave, expected: [Int: Int64]) async throws(StoreError)

    func close() async
}

/// An order as it was submitted.
public struct NewOrder: Hashable, Sendable {
    public var order: Order
    /// SHA-256 of its ``Order/canonicalContent``, in hexadecimal.
    public var contentHash: String
    public var submittedAt: Timestamp
    public var traceparent: String?

    public init(order: Order, contentHash: String, submittedAt: Timestamp, traceparent: String? = nil) {
        self.order = order
        self.contentHash = contentHash
        self.submittedAt = submittedAt
        self.traceparent = traceparent
    }
}

public enum Insertion: Hashable, Sendable {
    case inserted
    /// The same order was there.
    case same(isPublished: Bool)
    /// Another order is there under this id.
    case conflict
}

public struct OrderRecord: Hashable, Sendable {
    /// The store's own number, which grows with each order: the cursor of listings.
    public var number: Int64
    public var order: Order
    public var submittedAt: Timestamp
    public var progress: OrderProgress

    public init(number: Int64, order: Order, submittedAt: Timestamp, progress: OrderProgress) {
        self.number = number
        self.order = order
        self.submittedAt = submittedAt
        self.progress = progress
    }
}

public struct MonitorSnapshot: Sendable {
    /// The next offset to be read, by partition of the `system` topic; empty before the first save.
    public var offsets: [Int: Int64]
    public var tasks: [KeptScaler]
    public var orders: [OrderProgress]

    public init(offsets: [Int: Int64], tasks: [KeptScaler], orders: [OrderProgress]) {
        self.offsets = offsets
        self.tasks = tasks
        self.orders = orders
    }
}

public struct MonitorSave: Sendable {
    public var changes: MonitorChanges
    /// Those of ``MonitorChanges/tasks``, as they are now.
    public var tasks: [KeptScaler]
    public var offsets: [Int: Int64]

    public init(changes: MonitorChanges, tasks: [KeptScaler], offsets: [Int: Int64]) {
        self.changes = changes
        self.tasks = tasks
        self.offsets = offsets
    }
}

public struct StoreError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: Hashable, Sendable {
        /// Another monitor-system has taken over.
        case fenced
        /// The disk is full.
        case full
        /// More is waiting to be written than the store will hold: try again later.
        case overloaded
        /// Not now: the same may work later.
        case unavailable
        /// What is stored cannot be read, or is of a later version.
        case corrupt
        case closed
    }

    public var code: Code
    public var doing: String
    public var cause: String?

    public init(_ code: Code, _ doing: String, cause: String? = nil) {
        self.code = code
        self.doing = doing
        self.cause = cause
    }

    public var description: String {
        "store \(code) while \(doing)" + (cause.map { ": \($0)" } ?? "")
    }
}
