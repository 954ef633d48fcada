/// Runs `body`, which has to throw, and returns what it threw.
func failure<Failure: Error>(
    _ type: Failure.Type, file: StaticString = #fileID, line: UInt = #line, of body: () async throws -> Void
) async throws -> Failure {
    do {
        try await body()
    } catch let error as Failure {
        return error
    } catch {
        throw Broken("expected \(type), it threw \(error)", file: file, line: line)
    }
    throw Broken("expected \(type), nothing was thrown", file: file, line: line)
}
