public import MillraceCore
import Synchronization

/// Orders in memory, for tests and for trying services out. It keeps every promise but that of surviving the process.
public final class InMemoryOrderStore: OrderStore {
    private let file: KeptOrders
    private let isClosed = Mutex(false)

    public init() { file = KeptOrders() }

    /// Another handle on the same orders, as a second process or a later one has on a file.
    public init(sharing other: InMemoryOrderStore) { file = other.file }

    public func insert(_ orders: [NewOrder]) async throws(StoreError) -> [Insertion] {
        try perform("inserting orders") { $0.insert(orders) }
    }

    public func markPublished(_ ids: [OrderID]) async throws(StoreError) {
        try perform("marking orders as published") { kept in
            for id in ids { kept.rows[id]?.isPublished = true }
        }
    }

    public func unpublished(limit: Int) async throws(StoreError) -> [NewOrder] {
        try perform("reading unpublished orders") { kept in
            Array(kept.sorted.filter { !$0.isPublished }.map(\.new).prefix(limit))
        }
    }

    public func order(_ id: OrderID) async throws(StoreError) -> OrderRecord? {
        try perform("reading an order") { $0.rows[id]?.record }
    }

    public func orders(
        state: OrderState?, limit: Int, after cursor: Int64?
    ) async throws(StoreError) -> [OrderRecord] {
        try perform("listing orders") { kept in
            let older = kept.sorted.reversed().filter {
                $0.number < cursor ?? .max && (state == nil || $0.progress.state == state)
            }
            return older.prefix(limit).map(\.record)
        }
    }

    public func tasks() async throws(StoreError) -> [KeptScaler] {
        try perform("reading tasks") { $0.sortedTasks }
    }

    public func decisions(for task: TaskName, limit: Int) async throws(StoreError) -> [ScalingDecision] {
        try perform("reading decisions") { ($0.decisions[task] ?? []).reversed().prefix(limit).map { $0 } }
    }

    public func loadMonitor() async throws(StoreError) -> MonitorSnapshot {
        try perform("loading what monitor-system saved") { kept in
            MonitorSnapshot(
                offsets: kept.offsets, tasks: kept.sortedTasks,
                orders: kept.sorted.map(\.progress).filter { $0.state == .running })
        }
    }

    public func progress(of ids: Set<OrderID>) async throws(StoreError) -> [OrderID: OrderProgress] {
        try perform("reading orders' progress") { kept in
            kept.rows.filter { ids.contains($0.key) }.mapValues(\.progress)
        }
    }

    public func saveMonitor(_ save: MonitorSave, expected: [Int: Int64]) async throws(StoreError) {
        let isSaved = try perform("saving monitor-system's changes") { $0.save(save, expected: expected) }
        guard isSaved else { throw .fenced }
    }

    public func close() async { isClosed.withLock { $0 = true } }

    private func perform<Value>(
        _ doing: String, _ body: (inout KeptOrders.State) -> sending Value
    ) throws(StoreError) -> Value {
        guard !isClosed.withLock({ $0 }) else { throw StoreError(.closed, doing) }
        return file.state.withLock { body(&$0) }
    }
}

extension StoreError {
    /// What every store throws where offsets are not those that were expected.
    public static var fenced: StoreError {
        StoreError(
            .fenced, "saving monitor-system's changes",
            cause: "the stored offsets are not those that this reader left: another one has gone on")
    }
}

/// What a file would hold; handles share it.
private final class KeptOrders: Sendable {
    struct Row {
        var number: Int64
        var new: NewOrder
        var isPublished = false
        var progress: OrderProgress

        var record: OrderRecord {
            OrderRecord(number: number, order: new.order, submittedAt: new.submittedAt, progress: progress)
        }
    }

    struct State {
        var rows: [OrderID: Row] = [:]
        var tasks: [TaskName: KeptScaler] = [:]
        var decisions: [TaskName: [ScalingDecision]] = [:]
        var offsets: [Int: Int64] = [:]

        /// By their numbers, which count from 1.
        var sorted: [Row] { rows.values.sorted { $0.number < $1.number } }
        var sortedTasks: [KeptScaler] { tasks.values.sorted { $0.task < $1.task } }
    }

    let state = Mutex(State())
}

extension KeptOrders.State {
    mutating func insert(_ orders: [NewOrder]) -> [Insertion] {
        var taken: [OrderID: KeptOrders.Row] = [:]
        let insertions = orders.map { new -> Insertion in
            if let row = taken[new.order.id] ?? rows[new.order.id] {
                return row.new.contentHash == new.contentHash ? .same(isPublished: row.isPublished) : .conflict
            }
            taken[new.order.id] = KeptOrders.Row(
                number: Int64(rows.count + taken.count + 1), new: new,
                progress: OrderProgress(id: new.order.id, tasks: new.order.tasks.map(\.name)))
            return .inserted
        }
        guard !insertions.contains(.conflict) else { return insertions }
        rows.merge(taken) { _, new in new }
        return insertions
    }

    mutating func save(_ save: MonitorSave, expected: [Int: Int64]) -> Bool {
        guard offsets == expected else { return false }
        offsets = save.offsets
        for task in save.tasks { tasks[task.task] = task }
        for decision in save.changes.decisions {
            decisions[decision.task, default: []].append(decision)
            let surplus = (decisions[decision.task]?.count ?? 0) - ScalingDecision.keptPerTask
            if surplus > 0 { decisions[decision.task]?.removeFirst(surplus) }
        }
        for (id, progress) in save.changes.orders {
            guard let row = rows[id] else { continue }
            rows[id]?.progress = row.progress.merged(with: progress, steps: save.changes.steps[id] ?? [])
        }
        return true
    }
}

extension ScalingDecision {
    /// How many decisions about a task a store keeps: the newest of them.
    public static let keptPerTask = 1000
}

extension OrderProgress {
    /// What a store keeps: forwards only, whatever it is asked to save. An ended order stays as it ended, and so does
    /// a step that finished or failed.
    fileprivate func merged(with new: OrderProgress, steps changed: Set<Int>) -> OrderProgress {
        var steps = steps
        for index in changed where steps.indices.contains(index) && new.steps.indices.contains(index) {
            switch steps[index].state {
            case .pending, .running, .skipped: steps[index] = new.steps[index]
            case .finished, .failed: break
            }
        }
        let order = state.hasEnded ? self : new
        return OrderProgress(
            id: id, state: order.state, reason: order.reason, startedAt: order.startedAt,
            finishedAt: order.finishedAt, steps: steps)
    }
}
