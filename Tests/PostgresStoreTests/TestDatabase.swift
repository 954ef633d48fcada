import Foundation
import MillraceTesting
import Platform
import Synchronization

@testable import PostgresStore

/// Runs `body` with the URL of a new, empty database, which is dropped afterwards.
func withDatabase<Value: Sendable>(
    on server: PostgresServer? = nil, _ body: (String) async throws -> Value
) async throws -> Value {
    let server = try server ?? PostgresServer.shared.get()
    let name = "test_" + UUID().uuidString.replacing("-", with: "_").lowercased()
    try await administer(server.url(), "CREATE DATABASE \(name) TEMPLATE template0")
    do {
        let value = try await body(server.url(database: name))
        try await administer(server.url(), "DROP DATABASE \(name) WITH (FORCE)")
        return value
    } catch {
        try? await administer(server.url(), "DROP DATABASE \(name) WITH (FORCE)")
        throw error
    }
}

/// Runs a script on a connection of its own.
func administer(_ url: String, _ script: String) async throws {
    try await onConnection(url) { try $0.execute(script) }
}

/// Runs `body` with a connection of its own, on a thread of its own.
func onConnection<Value: Sendable>(
    _ url: String, _ body: @escaping @Sendable (Connection) throws -> Value
) async throws -> Value {
    try await NamedThread.run("test-connection") {
        Result { try body(Connection(try ConnectionString(url), settings: PostgresStoreSettings())) }
    }.get()
}

/// A table that nobody else can use until it is released.
///
/// Unchecked: one thread after another uses the connection, and each call waits for its thread.
final class HeldTable: @unchecked Sendable {
    private var connection: Connection?

    init(_ table: String, of url: String) async throws {
        let result = await NamedThread.run("test-lock") {
            Result {
                let connection = try Connection(try ConnectionString(url), settings: PostgresStoreSettings())
                try connection.execute("BEGIN; LOCK TABLE \(table) IN ACCESS EXCLUSIVE MODE")
                self.connection = connection
            }
        }
        try result.get()
    }

    func release() async {
        await NamedThread.run("test-unlock") { self.connection = nil }
    }
}

extension Connection {
    /// The first column of a query, which must be text.
    func texts(_ sql: String) throws -> [String] { try run(Statement(sql)).map { try $0.value(0) } }
}
