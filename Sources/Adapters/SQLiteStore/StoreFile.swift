internal import GRDB
internal import MillracePorts
internal import Platform
internal import Synchronization

/// A file that the stores of this process share: one pool, one lock, one thread that writes. It closes with the last of
/// them.
final class StoreFile: Sendable {
    let pool: DatabasePool
    private let lock: FileLock
    fileprivate let writer: StoreWriter
    /// Stores that have not been closed.
    private let users = Mutex(0)

    /// Opens the file, makes it where it is not there, and brings its tables up to this version.
    static func open(path: String, settings: SQLiteStoreSettings) async throws(StoreError) -> StoreFile {
        let opened = await NamedThread.run("store-open") { () -> Result<StoreFile, StoreError> in
            do {
                return .success(try StoreFile(path: path, settings: settings))
            } catch {
                return .failure(StoreError(error, doing: "opening the store \(path)"))
            }
        }
        return try opened.get()
    }

    private init(path: String, settings: SQLiteStoreSettings) throws {
        var configuration = Configuration()
        configuration.label = "store"
        configuration.maximumReaderCount = settings.readers
        // Only tools that do not know of our lock can hold SQLite's.
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { database in
            let cache = settings.cacheBytes >> (database.configuration.readonly ? 12 : 10)
            try database.execute(sql: "PRAGMA cache_size = -\(max(64, cache))")
        }
        let lock = try FileLock(path: path + ".lock")
        pool = try lock.hold {
            let pool = try DatabasePool(path: path, configuration: configuration)
            try pool.writeWithoutTransaction { try $0.setUp(settings) }
            try Schema.prepare(pool)
            return pool
        }
        self.lock = lock
        writer = StoreWriter(pool, lock: lock, settings: settings)
    }

    /// - Returns: false when the last store has been closed, and so the file.
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
        guard isLast else {
            // What this store was given before is written; others go on.
            try? await writer.write("closing a store", .waits) { _ in }
            return
        }
        await writer.close()
        let (pool, lock) = (pool, lock)
        // The last one to close copies the log into the file, which needs it alone, and cannot do it as a reader, which
        // the pool would close last. What fails here is done at the next opening.
        await NamedThread.run("store-close") {
            try? lock.hold {
                pool.invalidateReadOnlyConnections()
                try pool.close()
            }
        }
    }
}

/// One store's hold on the file, until it is closed.
final class StoreHandle: Sendable {
    let file: StoreFile
    private let isClosed: Mutex<Bool>

    /// The first one of a file.
    init(opening file: StoreFile) {
        self.file = file
        isClosed = Mutex(!file.enter(isFirst: true))
    }

    /// Another one on the same file; closed where the other one is.
    init(sharing other: StoreHandle) {
        file = other.file
        isClosed = Mutex(other.isClosed.withLock { $0 } || !other.file.enter(isFirst: false))
    }

    func read<Value: Sendable>(
        _ doing: String, _ body: @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        guard !isClosed.withLock({ $0 }) else { throw StoreError(.closed, doing) }
        do { return try await file.pool.read(body) } catch { throw StoreError(error, doing: doing) }
    }

    func write<Value: Sendable>(
        _ doing: String, _ patience: StoreWriter.Patience, _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        guard !isClosed.withLock({ $0 }) else { throw StoreError(.closed, doing) }
        return try await file.writer.write(doing, patience, body)
    }

    /// Writes what has been taken, then lets go of the file. Calls after that throw `closed`.
    func close() async {
        guard
            !isClosed.withLock({ isClosed in
                defer { isClosed = true }
                return isClosed
            })
        else { return }
        await file.leave()
    }
}

extension Database {
    /// Sets the writing connection up; a setting of SQLite's own is there for each of ours.
    fileprivate func setUp(_ settings: SQLiteStoreSettings) throws {
        // GRDB sets NORMAL, which syncs only when the log is copied: a power cut would take back what was told.
        try execute(sql: "PRAGMA synchronous = FULL")
        // Fetched, since these return what they are set to. A log that a long reader let grow is cut down again.
        _ = try Int.fetchOne(self, sql: "PRAGMA wal_autocheckpoint = \(settings.checkpointPages)")
        _ = try Int.fetchOne(self, sql: "PRAGMA journal_size_limit = \(settings.checkpointPages << 14)")
        if let limit = settings.fileLimit {
            let pageSize = try Int.fetchOne(self, sql: "PRAGMA page_size") ?? 4096
            _ = try Int.fetchOne(self, sql: "PRAGMA max_page_count = \(max(1, limit / pageSize))")
        }
    }
}
