/// Asks again and again until there is an answer, for what only the outside world can bring about: another process, a
/// file. What happens in this process is awaited, not asked for.
///
/// - Parameters:
///   - what: what is waited for, as the end of ‘still waiting for’.
///   - timeout: so long after the first question, the next one without an answer is the last.
///   - look: gives the answer, or nil; what it throws ends the wait.
public func eventually<Value: Sendable>(
    _ what: @autoclosure () -> String, within timeout: Duration = .seconds(30),
    isolation: isolated (any Actor)? = #isolation, _ look: () async throws -> Value?
) async throws -> Value {
    let clock = ContinuousClock()
    let end = clock.now + timeout
    var pause: Duration = .milliseconds(2)
    while true {
        if let value = try await look() { return value }
        guard clock.now < end else { throw Broken("still waiting for \(what()) after \(timeout)") }
        // Nobody tells us when another process is so far; asking 20 times a second costs it little.
        try await clock.sleep(for: pause)
        pause = min(pause * 2, .milliseconds(50))
    }
}

/// Waits until a condition holds, as ``eventually(_:within:_:)`` does.
public func eventually(
    _ what: @autoclosure () -> String, within timeout: Duration = .seconds(30),
    isolation: isolated (any Actor)? = #isolation, holds: () async throws -> Bool
) async throws {
    let _: Bool = try await eventually(what(), within: timeout, isolation: isolation) {
        try await holds() ? true : nil
    }
}
