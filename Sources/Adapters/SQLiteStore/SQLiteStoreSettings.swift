/// What a ``SQLiteOrderStore`` may take of the machine.
public struct SQLiteStoreSettings: Hashable, Sendable {
    /// The most writes that wait: then new orders are refused as `overloaded`, and other writers wait. 4096 writes take
    /// the writer about a tenth of a second, and hold a few megabytes.
    public var queueCapacity: Int
    /// The most writes in one transaction: enough that their share of its one fdatasync costs less than they do.
    public var batchLimit: Int
    /// Connections that read, opened as they are first needed.
    public var readers: Int
    /// The page cache of the writing connection, in bytes; a reading one has a quarter. What it does not hold is in the
    /// system's page cache.
    public var cacheBytes: Int
    /// The write-ahead log is copied into the file when it has so many pages of 4 KiB.
    public var checkpointPages: Int

    public init(
        queueCapacity: Int = 4096, batchLimit: Int = 512, readers: Int = 2, cacheBytes: Int = 4 << 20,
        checkpointPages: Int = 4096
    ) {
        self.queueCapacity = queueCapacity
        self.batchLimit = batchLimit
        self.readers = readers
        self.cacheBytes = cacheBytes
        self.checkpointPages = checkpointPages
    }
}
