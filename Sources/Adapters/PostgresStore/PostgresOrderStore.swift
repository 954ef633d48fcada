public import MillraceCore
public import MillracePorts

/// Orders in a PostgreSQL database that services on many machines share.
///
/// A call that writes returns when its transaction is on the server's disk, so that it survives a power cut there. All
/// writes of a process go through one thread and one connection, which commit those that wait together. Reads see whole
/// transactions. While the server is away calls fail as `unavailable`, at once or after a time-out, and connections are
/// made again when it is back; a write whose connection is lost fails too, although it may have been done. A store
/// lives until ``close()``: its threads hold it.
public final class PostgresOrderStore: OrderStore {
    let handle: StoreHandle
    private let writer: OrderWriter

    /// Connects, and brings the tables up to this version.
    /// - Parameter url: `postgresql://…` or libpq's keywords and values; all of libpq's settings work in it.
    /// - Throws: `corrupt` for tables of a later version; `unavailable`, with one line that says why, where there is no
    ///   server, no such database or role, a wrong password, or no TLS as it is asked for. No error has a password.
    public static func open(
        url: String, settings: PostgresStoreSettings = PostgresStoreSettings()
    ) async throws(StoreError) -> PostgresOrderStore {
        let database = try await PostgresDatabase.open(url: url, settings: settings)
        return PostgresOrderStore(StoreHandle(opening: database))
    }

    private init(_ handle: StoreHandle) {
        self.handle = handle
        writer = OrderWriter(handle.database.server)
    }

    /// Writes what has been taken, then disconnects unless a usage store shares the database. Calls after that throw
    /// `closed`.
    public func close() async { await handle.close { await writer.close() } }
}

// MARK: - Writing

extension PostgresOrderStore {
    public func insert(_ orders: [NewOrder]) async throws(StoreError) -> [Insertion] {
        try await writer.insert(orders.map(NewOrderRow.init), "inserting orders")
    }

    public func markPublished(_ ids: [OrderID]) async throws(StoreError) {
        try await writer.write("marking orders as published") { .publish(ids.map(\.text), $0) }
    }

    public func saveMonitor(_ save: MonitorSave, expected: [Int: Int64]) async throws(StoreError) {
        let write = MonitorWrite(save, expected: expected)
        try await writer.write("saving monitor-system's changes") { .monitor(write, $0) }
    }
}

// MARK: - Reading

extension PostgresOrderStore {
    public func unpublished(limit: Int) async throws(StoreError) -> [NewOrder] {
        try await handle.read("reading unpublished orders") { try $0.unpublished(limit: limit) }
    }

    public func order(_ id: OrderID) async throws(StoreError) -> OrderRecord? {
        try await handle.read("reading an order") { try $0.orders([id.text]).first }
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
        try await handle.read("loading what monitor-system saved") { try $0.loadMonitor() }
    }

    public func progress(of ids: Set<OrderID>) async throws(StoreError) -> [OrderID: OrderProgress] {
        let texts = ids.map(\.text)
        return try await handle.read("reading orders' progress") { connection in
            var found: [OrderID: OrderProgress] = [:]
            for record in try connection.orders(texts) { found[record.order.id] = record.progress }
            return found
        }
    }
}
