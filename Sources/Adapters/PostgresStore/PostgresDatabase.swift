internal import MillracePorts
internal import Platform
internal import Synchronization

/// A database that the stores of this process share, with its readers; they close with the last of the stores.
final class PostgresDatabase: Sendable {
    let server: Server
    private let readers: Readers
    /// Stores that have not been closed.
    private let users = Mutex(0)

    /// Connects, and brings the tables up to this version.
    static func open(url: String, settings: PostgresStoreSettings) async throws(StoreError) -> PostgresDatabase {
        let opened = await NamedThread.run("store-open") { () -> Result<PostgresDatabase, StoreError> in
            do {
                return .success(try PostgresDatabase(url: url, settings: settings))
            } catch {
                return .failure(StoreError(error, doing: "opening the store"))
            }
        }
        return try opened.get()
    }

    private init(url: String, settings: PostgresStoreSettings) throws {
        let source = try ConnectionString(url)
        server = Server(source, settings: settings)
        let connection = try server.connect()
        try Schema.prepare(connection, place: source.place)
        readers = Readers(server, first: connection)
    }

    func read<Value: Sendable>(
        _ doing: String, _ body: @escaping @Sendable (Connection) throws -> Value
    ) async throws(StoreError) -> Value {
        try await readers.read(doing, body)
    }

    /// - Returns: false when the last store has been closed.
    fileprivate func enter(isFirst: Bool) -> Bool {
        users.withLock { users in
            guard isFirst || users > 0 else { return false }
            users += 1
            return true
        }
    }

    fileprivate func leave() async {
        let isLast = users.withLock { users in
            users -= 1
            return users == 0
        }
        if isLast { await readers.close() }
    }
}

/// One store's hold on the database, until it is closed.
final class StoreHandle: Sendable {
    let database: PostgresDatabase
    private let closed: Mutex<Bool>

    /// The first one of a database.
    init(opening database: PostgresDatabase) {
        self.database = database
        closed = Mutex(!database.enter(isFirst: true))
    }

    /// Another one on the same database; closed where the other one is.
    init(sharing other: StoreHandle) {
        database = other.database
        closed = Mutex(other.isClosed || !other.database.enter(isFirst: false))
    }

    var isClosed: Bool { closed.withLock { $0 } }

    func read<Value: Sendable>(
        _ doing: String, _ body: @escaping @Sendable (Connection) throws -> Value
    ) async throws(StoreError) -> Value {
        guard !isClosed else { throw StoreError(.closed, doing) }
        return try await database.read(doing, body)
    }

    /// Lets go of the database, after `finish`; once.
    func close(_ finish: () async -> Void) async {
        let isFirst = closed.withLock { closed in
            defer { closed = true }
            return !closed
        }
        guard isFirst else { return }
        await finish()
        await database.leave()
    }
}
