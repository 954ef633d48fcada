internal import GRDB
public import MillraceCore
public import MillracePorts
internal import Platform
internal import Synchronization

/// Orders in an SQLite file that processes of one machine share.
///
/// A call that writes returns when its transaction has been synced to disk (`synchronous=FULL`), so that it survives a
/// power cut. All writes of a process go through one thread, which commits those that wait together. Processes hand
/// the writing to each other by `flock` on `<file>.lock`. Reads see whole transactions and wait for no writer. A store
/// lives until ``close()``: its thread holds it.
public final class SQLiteOrderStore: OrderStore {
    let pool: DatabasePool
    private let lock: FileLock
    private let writer: StoreWriter
    private let isClosed = Mutex(false)

    /// Opens the file, makes it where it is not there, and brings its tables up to this version. The folder must exist.
    /// - Throws: `corrupt` for what is not such a file or is of a later version, `full`, `unavailable`.
    public static func open(
        path: String, settings: SQLiteStoreSettings = SQLiteStoreSettings()
    ) async throws(StoreError) -> SQLiteOrderStore {
        let opened = await NamedThread.run("store-open") { () -> Result<SQLiteOrderStore, StoreError> in
            do {
                return .success(try SQLiteOrderStore(path: path, settings: settings))
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

    /// Writes what has been taken, then closes the file. Calls after that throw `closed`.
    public func close() async {
        guard
            !isClosed.withLock({ isClosed in
                defer { isClosed = true }
                return isClosed
            })
        else { return }
        await writer.close()
        let (pool, lock) = (pool, lock)
        // The last one to close copies the log into the file, which needs it alone. What fails here is done at the next
        // opening.
        await NamedThread.run("store-close") { try? lock.hold { try pool.close() } }
    }

    private func read<Value: Sendable>(
        _ doing: String, _ body: @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        guard !isClosed.withLock({ $0 }) else { throw StoreError(.closed, doing) }
        do { return try await pool.read(body) } catch { throw StoreError(error, doing: doing) }
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

// MARK: - Writing

extension SQLiteOrderStore {
    public func insert(_ orders: [NewOrder]) async throws(StoreError) -> [Insertion] {
        let rows = orders.map(NewOrderRow.init)
        return try await writer.write("inserting orders", .refuses) { try $0.insert(rows) }
    }

    public func markPublished(_ ids: [OrderID]) async throws(StoreError) {
        try await writer.write("marking orders as published", .waits) { try $0.markPublished(ids) }
    }

    public func saveMonitor(_ save: MonitorSave, expected: [Int: Int64]) async throws(StoreError) {
        try await writer.write("saving monitor-system's changes", .waits) { try $0.save(save, expected: expected) }
    }
}

// MARK: - Reading

extension SQLiteOrderStore {
    public func unpublished(limit: Int) async throws(StoreError) -> [NewOrder] {
        try await read("reading unpublished orders") { try $0.unpublished(limit: limit) }
    }

    public func order(_ id: OrderID) async throws(StoreError) -> OrderRecord? {
        try await read("reading an order") { try $0.order(id) }
    }

    public func orders(
        state: OrderState?, limit: Int, after cursor: Int64?
    ) async throws(StoreError) -> [OrderRecord] {
        try await read("listing orders") { try $0.orders(state: state, limit: limit, after: cursor) }
    }

    public func tasks() async throws(StoreError) -> [KeptScaler] {
        try await read("reading tasks") { try $0.tasks() }
    }

    public func decisions(for task: TaskName, limit: Int) async throws(StoreError) -> [ScalingDecision] {
        try await read("reading decisions") { try $0.decisions(for: task, limit: limit) }
    }

    public func loadMonitor() async throws(StoreError) -> MonitorSnapshot {
        try await read("loading what monitor-system saved") { database in
            MonitorSnapshot(
                offsets: try database.offsets(), tasks: try database.tasks(), orders: try database.runningOrders())
        }
    }

    public func progress(of ids: Set<OrderID>) async throws(StoreError) -> [OrderID: OrderProgress] {
        try await read("reading orders' progress") { database in
            var found: [OrderID: OrderProgress] = [:]
            for id in ids { found[id] = try database.order(id)?.progress }
            return found
        }
    }
}
