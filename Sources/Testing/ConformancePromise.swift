/// One thing that every adapter of a port promises. A suite is a list of them, given to Swift Testing as arguments:
///
///     @Test(arguments: OrderStoreConformance.promises)
///     func keeps(promise: ConformancePromise<OpenOrderStore>) async throws {
///         try await promise.check { try await SQLiteOrderStore.open(path: path) }
///     }
public struct ConformancePromise<Subject>: Sendable, CustomStringConvertible {
    /// The promise in words, as a test's name shows it.
    public let description: String
    private let body: @Sendable (Subject) async throws -> Void

    init(_ description: String, _ body: @escaping @Sendable (Subject) async throws -> Void) {
        self.description = description
        self.body = body
    }

    /// - Throws: ``BrokenPromise``, or what the subject throws where it should not.
    public func check(_ subject: Subject) async throws { try await body(subject) }
}

/// What was found where something else was promised.
public struct BrokenPromise: Error, CustomStringConvertible {
    public let description: String
}

func expect(_ isKept: Bool, _ what: @autoclosure () -> String, line: Int = #line) throws(BrokenPromise) {
    guard isKept else { throw BrokenPromise(description: "line \(line): \(what())") }
}

func expect<Value: Equatable>(
    _ found: Value, equals expected: Value, line: Int = #line
) throws(BrokenPromise) {
    try expect(found == expected, "expected \(expected), found \(found)", line: line)
}

/// Runs `body`, which has to throw, and returns what it threw.
func failure<Failure: Error>(
    _ type: Failure.Type, line: Int = #line, of body: () async throws -> Void
) async throws(BrokenPromise) -> Failure {
    do {
        try await body()
    } catch let error as Failure {
        return error
    } catch {
        throw BrokenPromise(description: "line \(line): expected \(type), it threw \(error)")
    }
    throw BrokenPromise(description: "line \(line): expected \(type), nothing was thrown")
}
