/// One named promise of a port, which every adapter and the in-memory version keep: an argument of a test.
///
/// A conformance suite is a list of them. What a port's users may rely on is what is in its list.
public struct Promise<Fixture: Sendable>: Sendable, CustomStringConvertible {
    /// The promise as a sentence: `an order that was taken is there after reopening`.
    public let description: String
    private let check: @Sendable (Fixture) async throws -> Void

    public init(_ description: String, _ check: @escaping @Sendable (Fixture) async throws -> Void) {
        self.description = description
        self.check = check
    }

    /// Checks it; throws ``Broken`` or whatever the port threw.
    public func check(_ fixture: Fixture) async throws {
        try await check(fixture)
    }
}

/// A promise that was not kept.
public struct Broken: Error, CustomStringConvertible {
    public let description: String

    public init(_ what: String, file: StaticString = #fileID, line: UInt = #line) {
        description = "\(what) (\(file):\(line))"
    }
}

/// Throws ``Broken`` unless the condition holds.
public func expect(
    _ condition: Bool, _ what: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) throws {
    guard condition else { throw Broken(what(), file: file, line: line) }
}

/// Throws ``Broken`` unless both are equal, and says what they are.
public func expectEqual<Value: Equatable>(
    _ found: Value, _ expected: Value, _ what: @autoclosure () -> String = "", file: StaticString = #fileID,
    line: UInt = #line
) throws {
    guard found == expected else {
        throw Broken("\(what()): found \(found), expected \(expected)", file: file, line: line)
    }
}
