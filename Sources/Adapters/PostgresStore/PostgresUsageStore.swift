public import MillraceCore
public import MillracePorts

/// Samples in the PostgreSQL database that orders are in, on the connections that an order store of this process has,
/// and one more that writes.
///
/// `resource_usage` has a row a sample and resource, with numbers alone, in a partition a day; the view `usage` has
/// names. Closing it leaves the order store that it shares a database with open.
public final class PostgresUsageStore: UsageStore {
    let handle: StoreHandle
    private let writer: UsageWriter
    private let tidying = Tidying()

    /// Connects, and brings the tables up to this version; see ``PostgresOrderStore/open(url:settings:)``.
    public static func open(
        url: String, settings: PostgresStoreSettings = PostgresStoreSettings()
    ) async throws(StoreError) -> PostgresUsageStore {
        let database = try await PostgresDatabase.open(url: url, settings: settings)
        return PostgresUsageStore(StoreHandle(opening: database))
    }

    /// On the database of an order store of this process; closed where that one is closed already.
    public convenience init(sharing orders: PostgresOrderStore) {
        self.init(StoreHandle(sharing: orders.handle))
    }

    private init(_ handle: StoreHandle) {
        self.handle = handle
        writer = UsageWriter(handle.database.server)
    }

    /// Writes what has been taken, then disconnects unless an order store shares the database. Calls after that throw
    /// `closed`.
    public func close() async { await handle.close { await writer.close() } }
}

extension PostgresUsageStore {
    @discardableResult
    public func save(_ batch: UsageBatch) async throws(StoreError) -> Int {
        guard !handle.isClosed else { throw StoreError(.closed, "saving samples") }
        return try await writer.save(batch)
    }

    public func tidy(_ keep: UsageRetention) async throws(StoreError) -> Bool {
        let place = tidying.place
        let after = try await handle.read("tidying samples up") { connection in
            var piece = TidyPiece(connection, keep)
            return try piece.run(from: place)
        }
        tidying.place = after
        return !after.isAtEnd
    }

    public func resourceOffsets(node: String) async throws(StoreError) -> [Int: Int64] {
        try await handle.read("reading a node's offsets") { try $0.resourceOffsets(node: node) }
    }

    public func usage(of order: OrderID) async throws(StoreError) -> [UsageSeries] {
        try await handle.read("reading an order's samples") { try $0.usage(of: order) }
    }

    public func finishedSteps(of task: TaskName, limit: Int) async throws(StoreError) -> [FinishedStep] {
        try await handle.read("reading a task's finished steps") { try $0.finishedSteps(of: task, limit: limit) }
    }

    public func usage(of task: TaskName, limit: Int, points: Int) async throws(StoreError) -> [StepSeries] {
        try await handle.read("reading a task's samples") { try $0.usage(of: task, limit: limit, points: points) }
    }

    public func drops(limit: Int) async throws(StoreError) -> [UsageDrop] {
        try await handle.read("reading dropped samples") { try $0.drops(limit: limit) }
    }
}
