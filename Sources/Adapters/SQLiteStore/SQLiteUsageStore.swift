public import MillraceCore
public import MillracePorts

/// Samples in the SQLite file that orders are in. It writes as ``SQLiteOrderStore`` does, on the same thread where both
/// share a file.
///
/// `resource_usage` has a row a sample and resource, with numbers alone; the view `usage` has names. Closing it leaves
/// the order store that it shares a file with open; the file closes with the last.
public final class SQLiteUsageStore: UsageStore {
    let handle: StoreHandle
    private let numbers = UsageNumbers()
    private let tidying = Tidying()

    /// Opens the file, makes it where it is not there, and brings its tables up to this version. The folder must exist.
    /// - Throws: `corrupt` for what is not such a file or is of a later version, `full`, `unavailable`.
    public static func open(
        path: String, settings: SQLiteStoreSettings = SQLiteStoreSettings()
    ) async throws(StoreError) -> SQLiteUsageStore {
        SQLiteUsageStore(StoreHandle(opening: try await StoreFile.open(path: path, settings: settings)))
    }

    /// On the file of an order store of this process; closed where that one is closed already.
    public convenience init(sharing orders: SQLiteOrderStore) {
        self.init(StoreHandle(sharing: orders.handle))
    }

    private init(_ handle: StoreHandle) { self.handle = handle }

    /// Writes what has been taken, then closes the file unless an order store shares it. Calls after that throw `closed`.
    public func close() async { await handle.close() }
}

extension SQLiteUsageStore {
    @discardableResult
    public func save(_ batch: UsageBatch) async throws(StoreError) -> Int {
        let numbers = numbers
        let (unknown, found) = try await handle.write("saving samples", .waits) { try $0.save(batch, numbers) }
        numbers.add(found)
        return unknown
    }

    public func tidy(_ keep: UsageRetention) async throws(StoreError) -> Bool {
        let place = tidying.place
        let after = try await handle.write("tidying samples up", .waits) { try $0.tidy(keep, from: place) }
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
