public import MillraceCore
import Synchronization

/// Samples in memory, for tests and for trying services out. It keeps every promise but that of surviving the process,
/// and can be made to fail or to wait.
public final class InMemoryUsageStore: UsageStore {
    private let orders: InMemoryOrderStore
    private let file: KeptUsage
    private let isClosed = Mutex(false)

    /// Samples of these orders.
    public init(orders: InMemoryOrderStore) {
        // A handle of its own: whoever closes theirs does not close this one.
        self.orders = InMemoryOrderStore(sharing: orders)
        file = KeptUsage()
    }

    /// Another handle on the same samples, as a second process or a later one has on a file.
    public init(sharing other: InMemoryUsageStore) {
        orders = InMemoryOrderStore(sharing: other.orders)
        file = other.file
    }

    // MARK: For tests

    /// What every call throws, of all handles, while it is not nil.
    public var failure: StoreError? {
        get { file.state.withLock { $0.failure } }
        set { file.state.withLock { $0.failure = newValue } }
    }

    /// While it is set, saves wait, of all handles: as on a disk that takes its time.
    public var holdsSaves: Bool {
        get { file.state.withLock { $0.holdsSaves } }
        set {
            let released = file.state.withLock { state in
                state.holdsSaves = newValue
                guard !newValue else { return [CheckedContinuation<Void, Never>]() }
                defer { state.held = [] }
                return state.held
            }
            for continuation in released { continuation.resume() }
        }
    }

    /// How many saves wait.
    public var heldSaves: Int { file.state.withLock { $0.held.count } }

    // MARK: UsageStore

    @discardableResult
    public func save(_ batch: UsageBatch) async throws(StoreError) -> Int {
        try check("saving samples")
        await file.waitWhileHeld()
        let known = try await records()
        return try perform("saving samples") { $0.save(batch, known) }
    }

    public func resourceOffsets(node: String) async throws(StoreError) -> [Int: Int64] {
        try perform("reading a node's offsets") { $0.offsets[node] ?? [:] }
    }

    public func tidy(_ keep: UsageRetention) async throws(StoreError) -> Bool {
        let known = try await records()
        return try perform("tidying samples up") { $0.tidy(keep, known) }
    }

    public func usage(of order: OrderID) async throws(StoreError) -> [UsageSeries] {
        try perform("reading an order's samples") { $0.series { $0.order == order } }
    }

    public func finishedSteps(of task: TaskName, limit: Int) async throws(StoreError) -> [FinishedStep] {
        let known = try await records()
        return try perform("reading a task's finished steps") { kept in
            Array(kept.finishedSteps(of: task, known).prefix(max(0, limit)))
        }
    }

    public func usage(of task: TaskName, limit: Int, points: Int) async throws(StoreError) -> [StepSeries] {
        let known = try await records()
        return try perform("reading a task's samples") { kept in
            let steps = kept.finishedSteps(of: task, known).map { finished in
                StepSeries(
                    step: finished.step, startedAt: finished.startedAt,
                    series: kept.series { $0 == finished.step }.map { $0.downsampled(to: points) })
            }
            return Array(steps.filter { !$0.series.isEmpty }.prefix(max(0, limit)))
        }
    }

    public func drops(limit: Int) async throws(StoreError) -> [UsageDrop] {
        try perform("reading dropped samples") { Array($0.drops.reversed().prefix(max(0, limit))) }
    }

    public func close() async { isClosed.withLock { $0 = true } }

    private func records() async throws(StoreError) -> [OrderID: OrderRecord] {
        let all = try await orders.orders(state: nil, limit: .max, after: nil)
        return Dictionary(all.map { ($0.order.id, $0) }) { $1 }
    }

    private func check(_ doing: String) throws(StoreError) {
        guard !isClosed.withLock({ $0 }) else { throw StoreError(.closed, doing) }
        if let failure { throw failure }
    }

    private func perform<Value>(
        _ doing: String, _ body: (inout KeptUsage.State) -> sending Value
    ) throws(StoreError) -> Value {
        try check(doing)
        return file.state.withLock { body(&$0) }
    }
}
