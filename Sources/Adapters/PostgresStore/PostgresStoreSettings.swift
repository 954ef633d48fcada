/// What stores in PostgreSQL may take of the machine and of the server.
public struct PostgresStoreSettings: Hashable, Sendable {
    /// The most writes that wait: then new orders are refused as `overloaded`, and other writers wait. 4096 writes take
    /// the writer about a tenth of a second, and hold a few megabytes.
    public var queueCapacity: Int
    /// The most writes in one transaction: enough that their share of its round trips and its one fsync costs less than
    /// they do.
    public var batchLimit: Int
    /// Connections that read, opened as they are first needed. The orders' and the samples' writers have one each.
    public var readers: Int
    /// The most reads that wait for one of them; more are refused as `overloaded`.
    public var readQueueCapacity: Int
    /// For each host that the URL names, unless it says `connect_timeout` itself. In whole seconds, at least 2.
    public var connectTimeout: Duration
    /// The server gives up what takes longer. Housekeeping and migrations have more.
    public var statementTimeout: Duration
    /// How long nobody tries to connect after that has failed: at random between half of it and all of it; twice as long
    /// after each failure, to the limit. Calls fail meanwhile, without waiting.
    public var firstBackoff: Duration
    public var backoffLimit: Duration

    public init(
        queueCapacity: Int = 4096, batchLimit: Int = 512, readers: Int = 3, readQueueCapacity: Int = 1024,
        connectTimeout: Duration = .seconds(5), statementTimeout: Duration = .seconds(30),
        firstBackoff: Duration = .milliseconds(50), backoffLimit: Duration = .seconds(2)
    ) {
        self.queueCapacity = queueCapacity
        self.batchLimit = batchLimit
        self.readers = readers
        self.readQueueCapacity = readQueueCapacity
        self.connectTimeout = connectTimeout
        self.statementTimeout = statementTimeout
        self.firstBackoff = firstBackoff
        self.backoffLimit = backoffLimit
    }
}
