import UnixSignals

/// Runs `body` until it ends, or until Ctrl-C or SIGTERM, which are how a command that has no end is ended: no failure.
func untilInterrupted(_ body: @escaping @Sendable () async throws -> Void) async throws {
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await body() }
        group.addTask {
            for await _ in signals { break }
        }
        try await group.next()
        group.cancelAll()
        // What the other one throws is only that it was cancelled.
        while await group.nextResult() != nil {}
    }
}
