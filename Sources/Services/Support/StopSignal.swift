import Synchronization

/// Says that a service should stop, to loops that wait for something else: each adds what ends its wait.
public final class StopSignal: Sendable {
    private struct State {
        var isRaised = false
        var hooks: [Int: @Sendable () -> Void] = [:]
        var lastID = 0
    }

    private let state = Mutex(State())

    public init() {}

    public var isRaised: Bool { state.withLock { $0.isRaised } }

    public func raise() {
        let hooks = state.withLock { state in
            state.isRaised = true
            return state.hooks.values
        }
        for hook in hooks { hook() }
    }

    /// Runs `body`; if the signal is raised meanwhile, or was before, `hook` is called.
    public func whileWatching<Value>(
        _ hook: @escaping @Sendable () -> Void, _ body: () async throws -> Value
    ) async rethrows -> Value {
        let (id, isRaised) = state.withLock { state in
            state.lastID += 1
            state.hooks[state.lastID] = hook
            return (state.lastID, state.isRaised)
        }
        defer { state.withLock { $0.hooks[id] = nil } }
        if isRaised { hook() }
        return try await body()
    }
}
