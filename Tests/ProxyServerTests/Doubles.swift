import MillraceCore
import MillracePorts
import Synchronization

/// A store that tells what is marked as published, and can be made to refuse.
final class WatchedStore: OrderStore {
    private struct State {
        var refusal: StoreError?
        var hidesUnpublished = false
    }

    let base = InMemoryOrderStore()
    private let state = Mutex(State())
    private let (marks, mark) = AsyncStream.makeStream(of: [OrderID].self)

    /// Makes every call that reads or takes orders fail with this error.
    func refuse(_ error: StoreError?) { state.withLock { $0.refusal = error } }

    /// Makes ``unpublished(limit:)`` find none.
    func hideUnpublished() { state.withLock { $0.hidesUnpublished = true } }

    /// Waits until so many orders more have been marked as published.
    func waitForMarks(_ count: Int) async {
        var rest = count
        for await ids in marks {
            rest -= ids.count
            if rest <= 0 { return }
        }
    }

    private func check() throws(StoreError) {
        if let refusal = state.withLock({ $0.refusal }) { throw refusal }
    }

    func insert(_ orders: [NewOrder]) async throws(StoreError) -> [Insertion] {
        try check()
        return try await base.insert(orders)
    }

    func markPublished(_ ids: [OrderID]) async throws(StoreError) {
        try await base.markPublished(ids)
        mark.yield(ids)
    }

    func unpublished(limit: Int) async throws(StoreError) -> [NewOrder] {
        state.withLock { $0.hidesUnpublished } ? [] : try await base.unpublished(limit: limit)
    }

    func order(_ id: OrderID) async throws(StoreError) -> OrderRecord? {
        try check()
        return try await base.order(id)
    }

    func orders(state: OrderState?, limit: Int, after cursor: Int64?) async throws(StoreError) -> [OrderRecord] {
        try check()
        return try await base.orders(state: state, limit: limit, after: cursor)
    }

    func tasks() async throws(StoreError) -> [KeptScaler] {
        try check()
        return try await base.tasks()
    }

    func decisions(for task: TaskName, limit: Int) async throws(StoreError) -> [ScalingDecision] {
        try await base.decisions(for: task, limit: limit)
    }

    func loadMonitor() async throws(StoreError) -> MonitorSnapshot { try await base.loadMonitor() }

    func progress(of ids: Set<OrderID>) async throws(StoreError) -> [OrderID: OrderProgress] {
        try await base.progress(of: ids)
    }

    func saveMonitor(_ save: MonitorSave, expected: [Int: Int64]) async throws(StoreError) {
        try await base.saveMonitor(save, expected: expected)
    }

    func close() async { await base.close() }
}

/// Sleeps until it is told to wake up: time that a test moves.
final class Sleeper: Sendable {
    private struct State {
        var sleepers: [Int: CheckedContinuation<Void, any Error>] = [:]
        var lastID = 0
        var shortest: Duration?
    }

    private let state = Mutex(State())
    private let (naps, nap) = AsyncStream.makeStream(of: Duration.self)

    func sleep(_ duration: Duration) async throws {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let mayGo = state.withLock { state in
                    if Task.isCancelled || state.shortest.map({ duration >= $0 }) == true { return true }
                    state.sleepers[id] = continuation
                    return false
                }
                nap.yield(duration)
                if mayGo { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.sleepers.removeValue(forKey: id) }?.resume(throwing: CancellationError())
        }
        try Task.checkCancellation()
    }

    /// Waits until somebody goes to sleep.
    func waitForSleep() async { _ = await naps.first { _ in true } }

    func wake() {
        let sleepers = state.withLock { state in
            defer { state.sleepers = [:] }
            return state.sleepers.values
        }
        for sleeper in sleepers { sleeper.resume() }
    }

    /// From now on nobody sleeps who wants to for at least this long.
    func skipSleeps(from duration: Duration) { state.withLock { $0.shortest = duration } }
}
