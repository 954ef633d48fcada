import Synchronization

/// Ends a run that takes longer than its timeout.
///
/// One sleep serves all runs: it looks at the run of the moment when it wakes, at the latest one timeout after it last
/// looked, so that no run can be late. A timer for each run would cost a quick step more than its work.
final class TimeoutWatch: Sendable {
    private struct State {
        var deadline: ContinuousClock.Instant?
        var cancel: (@Sendable () -> Void)?
        var hasCut = false
    }

    private let state = Mutex(State())
    private let timeout: Duration
    private let sleep: @Sendable (Duration) async throws -> Void

    init(timeout: Duration, sleep: @escaping @Sendable (Duration) async throws -> Void) {
        self.timeout = timeout
        self.sleep = sleep
    }

    /// Watches until it is cancelled.
    func run() async {
        while !Task.isCancelled {
            let (rest, cancel) = state.withLock { state -> (Duration, (@Sendable () -> Void)?) in
                guard let deadline = state.deadline else { return (timeout, nil) }
                let rest = deadline - .now
                guard rest <= .zero else { return (rest, nil) }
                state.deadline = nil
                state.hasCut = true
                return (timeout, state.cancel)
            }
            cancel?()
            guard (try? await sleep(min(rest, timeout))) != nil else { return }
        }
    }

    /// Runs `body`, which ends soon when it is cancelled.
    /// - Returns: its result, and whether it was cut off.
    func watching<Value: Sendable>(
        _ body: @escaping @Sendable () async -> Value
    ) async -> (Value, wasCut: Bool) {
        // It begins on this thread: what never waits never leaves it.
        let task = Task.immediate { await body() }
        state.withLock { state in
            state.deadline = .now + timeout
            state.cancel = { task.cancel() }
            state.hasCut = false
        }
        let value = await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
        return state.withLock { state in
            state.deadline = nil
            state.cancel = nil
            return (value, state.hasCut)
        }
    }
}
