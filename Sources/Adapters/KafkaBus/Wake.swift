import Synchronization

/// Wakes the one task that waits for something new: a counter that librdkafka's threads may raise.
///
/// Its lock is held for a few instructions and never while librdkafka is called, which may call with its own locks held.
final class Wake: Sendable {
    private struct State {
        var count = 0
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.count } }

    func raise() {
        let waiter = state.withLock { state in
            state.count += 1
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Waits until the count is another than `seen`. A cancelled task must raise it itself.
    func wait(past seen: Int) async {
        await withCheckedContinuation { continuation in
            let (mayGo, displaced) = state.withLock { state in
                if state.count != seen { return (true, nil as CheckedContinuation<Void, Never>?) }
                defer { state.waiter = continuation }
                return (false, state.waiter)
            }
            // Two callers at once are against the port's rules; neither is left waiting for ever.
            displaced?.resume()
            if mayGo { continuation.resume() }
        }
    }
}
