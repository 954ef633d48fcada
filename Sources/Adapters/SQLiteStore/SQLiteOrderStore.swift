public import MillraceCore
public import MillracePorts

/// Orders in an SQLite file that processes of one machine share.
///
/// A call that writes returns when its transaction has been synced to disk (`synchronous=FULL`), so that it survives a
/// power cut. All writes of a process go through one thread, which commits those that wait together. Processes hand
/// the writing to each other by `flock` on `<file>.lock`. Reads see whole transactions and wait for no writer. A store
/// lives until ``close()``: its thread holds it. A ``SQLiteUsageStore`` may share the file.
public final class SQLiteOrderStore: OrderStore {
    let handle: StoreHandle

    /// Opens the file, makes it where it is not there, and brings its tables up to this version. The folder must exist.
    /// - Throws: `corrupt` for what is not such a file or is of a later version, `full`, `unavailable`.
    public static func open(
        path: String, settings: SQLiteStoreSettings = SQLiteStoreSettings()
    ) async throws(StoreError) -> SQLiteOrderStore {
        SQLiteOrderStore(StoreHandle(opening: try await StoreFile.open(path: path, settings: settings)))
    }

    private init(_ handle: StoreHandle) { self.handle = handle }

    /// Writes what has been taken, then closes the file unless a usage store shares it. Calls after that throw `closed`.
    public func close() async { await handle.close() }
}

// MARK: - Writing

extension SQLiteOrderStore {
    public func insert(_ orders: [NewOrder]) async throws(StoreError) -> [Insertion] {
        let rows = orders.map(NewOrderRow.init)
        return try await handle.write("inserting orders", .refuses) { try $0.insert(rows) }
    }

    public func markPublished(_ ids: [OrderID]) async throws(StoreError) {
        try await handle.write("marking orders as published", .waits) { try $0.markPublished(ids) }
    }

    public func saveMonitor(_ save: MonitorSave, expected: [Int: Int64]) async throws(StoreError) {
        try await handle.write("saving monitor-system's changes", .waits) { try $0.save(save, expected: expected) }
    }
}

// MARK: - Reading

extension SQLiteOrderStore {
    public func unpublished(limit: Int) async throws(StoreError) -> [NewOrder] {
        try await handle.read("reading unpublished orders") { try $0.unpublished(limit: limit) }
    }

    public func order(_ id: OrderID) async throws(StoreError) -> OrderRecord? {
        try await handle.read("reading an order") { try $0.order(id) }
    }

    public func orders(
        state: OrderState?, limit: Int, after cursor: Int64?
    ) async throws(StoreError) -> [OrderRecord] {
        try await handle.read("listing orders") { try $0.orders(state: state, limit: limit, after: cursor) }
    }

    public func tasks() async throws(StoreError) -> [KeptScaler] {
        try await handle.read("reading tasks") { try $0.tasks() }
    }

    public func decisions(for task: TaskName, limit: Int) async throws(StoreError) -> [ScalingDecision] {
        try await handle.read("reading decisions") { try $0.decisions(for: task, limit: limit) }
    }

    public func loadMonitor() async throws(StoreError) -> MonitorSnapshot {
        try await handle.read("loading what monitor-system saved") { database in
            MonitorSnapshot(
                offsets: try database.offsets(), tasks: try database.tasks(), orders: try database.runningOrders())
        }
    }

    public func progress(of ids: Set<OrderID>) async throws(StoreError) -> [OrderID: OrderProgress] {
        try await handle.read("reading orders' progress") { database in
            var found: [OrderID: OrderProgress] = [:]
            for id in ids { found[id] = try database.order(id)?.progress }
            return found
        }
    }
}
