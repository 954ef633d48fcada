import Foundation

/// Runs `body` with the path of a new folder, which is removed afterwards.
public func withTemporaryFolder<Value: Sendable>(
    _ body: (String) async throws -> Value
) async throws -> Value {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("millrace-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    do {
        let value = try await body(folder.path)
        try FileManager.default.removeItem(at: folder)
        return value
    } catch {
        try? FileManager.default.removeItem(at: folder)
        throw error
    }
}
