public import MillracePorts
import Synchronization

/// Waits for the receipts of what was sent, in order, beside the loop that goes on reading and sending; then does what
/// may only be done when it is safe: commits.
///
/// So a record's sync and commit do not delay the next record.
public final class ReceiptChain<Tag: Sendable>: Sendable {
    private struct State {
        var pending: [(tag: Tag, receipt: Receipt)] = []
        var isWorking = false
        var runner: CheckedContinuation<Void, Never>?
        /// Callers that wait for room, or for the end of all that is pending.
        var waiters: [CheckedContinuation<Void, Never>] = []
        var hasEnded = false
    }

    private let state = Mutex(State())
    private let limit: Int
    private let safe: @Sendable ([Tag]) async throws(BusError) -> Void

    /// - Parameters:
    ///   - limit: how many may be under way: as many as may be done again after a crash.
    ///   - safe: called with what has become safe, in order.
    public init(limit: Int, safe: @escaping @Sendable ([Tag]) async throws(BusError) -> Void) {
        self.limit = limit
        self.safe = safe
    }

    /// Whether it has failed or was cancelled.
    public var hasEnded: Bool { state.withLock { $0.hasEnded } }

    /// Takes a receipt; waits while too many are under way.
    public func append(_ tag: Tag, _ receipt: Receipt) async {
        await wait { [limit] in $0.pending.count < limit }
        let runner = state.withLock { state in
            state.pending.append((tag, receipt))
            defer { state.runner = nil }
            return state.runner
        }
        runner?.resume()
    }

    /// Waits until everything so far is safe and dealt with, or the chain has ended.
    public func drain() async { await wait { $0.pending.isEmpty && !$0.isWorking } }

    /// Forgets what it has not begun with.
    public func remove(where isGone: (Tag) -> Bool) {
        state.withLock { $0.pending.removeAll { isGone($0.tag) } }
    }

    /// Works until it is cancelled; `onFailure` is called before an error is thrown, for a loop that waits elsewhere.
    /// - Throws: what a receipt or `safe` threw.
    public func run(onFailure: () -> Void) async throws(BusError) {
        defer {
            state.withLock { $0.hasEnded = true }
            wake()
        }
        do throws(BusError) { try await work() } catch {
            state.withLock { $0.hasEnded = true }
            onFailure()
            throw error
        }
    }

    private func work() async throws(BusError) {
        while true {
            await waitForWork()
            if Task.isCancelled { return }
            let batch = state.withLock { state in
                state.isWorking = true
                defer { state.pending = [] }
                return state.pending
            }
            wake()
            for (_, receipt) in batch { try await receipt.positions() }
            try await safe(batch.map(\.tag))
            state.withLock { $0.isWorking = false }
            wake()
        }
    }

    private func waitForWork() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mayGo = state.withLock { state in
                    if !state.pending.isEmpty || Task.isCancelled { return true }
                    state.runner = continuation
                    return false
                }
                if mayGo { continuation.resume() }
            }
        } onCancel: {
            let runner = state.withLock { state in
                defer { state.runner = nil }
                return state.runner
            }
            runner?.resume()
        }
    }

    private func wait(until holds: @Sendable (borrowing State) -> Bool) async {
        while true {
            if state.withLock({ $0.hasEnded || holds($0) }) { return }
            await withCheckedContinuation { continuation in
                let mayGo = state.withLock { state in
                    if state.hasEnded || holds(state) { return true }
                    state.waiters.append(continuation)
                    return false
                }
                if mayGo { continuation.resume() }
            }
        }
    }

    private func wake() {
        let waiters = state.withLock { state in
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
