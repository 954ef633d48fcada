import Synchronization

/// A result that one task waits for and a thread brings, once each, in either order.
public final class Reply<Value: Sendable, Failure: Error>: Sendable {
    private enum State {
        case empty
        case waiting(CheckedContinuation<Result<Value, Failure>, Never>)
        case here(Result<Value, Failure>)
    }

    private let state = Mutex(State.empty)

    public init() {}

    public func bring(_ result: Result<Value, Failure>) {
        let waiting = state.withLock { state -> CheckedContinuation<Result<Value, Failure>, Never>? in
            defer { state = .here(result) }
            if case .waiting(let continuation) = state { return continuation }
            return nil
        }
        waiting?.resume(returning: result)
    }

    /// Waits for the result.
    public func value() async throws(Failure) -> Value {
        let result = await withCheckedContinuation { continuation in
            let here = state.withLock { state -> Result<Value, Failure>? in
                if case .here(let result) = state { return result }
                state = .waiting(continuation)
                return nil
            }
            if let here { continuation.resume(returning: here) }
        }
        return try result.get()
    }
}
