internal import Synchronization

/// Wakes one waiting task; a call before the wait is not lost.
final class Wakeup: Sendable {
    private enum State {
        case idle, called
        case waiting(CheckedContinuation<Void, Never>)
    }

    private let state = Mutex(State.idle)

    func call() {
        let waiting = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if case .waiting(let continuation) = state {
                state = .idle
                return continuation
            }
            state = .called
            return nil
        }
        waiting?.resume()
    }

    /// Returns after the next call, or the last one if nobody has waited since, or when the task is cancelled.
    func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isCalled = state.withLock { state in
                    if case .idle = state, !Task.isCancelled {
                        state = .waiting(continuation)
                        return false
                    }
                    state = .idle
                    return true
                }
                if isCalled { continuation.resume() }
            }
        } onCancel: {
            // Cancelled before it waits: then `isCancelled` is seen under the lock.
            let waiting = state.withLock { state -> CheckedContinuation<Void, Never>? in
                guard case .waiting(let continuation) = state else { return nil }
                state = .idle
                return continuation
            }
            waiting?.resume()
        }
    }
}
