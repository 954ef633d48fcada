internal import GRDB
internal import MillracePorts
internal import Platform

/// The one thread of this process that writes: what has come while it wrote shares the next transaction, and so one
/// fdatasync.
final class StoreWriter: Sendable {
    /// One caller's write.
    struct Job: Sendable {
        /// Runs in the transaction and returns what tells the caller, to be called when it is on disk. It throws an
        /// ``StoreError`` only before it has written anything. It may run again, after a rollback.
        var perform: @Sendable (Database) throws -> @Sendable () -> Void
        var fail: @Sendable (any Error) -> Void
    }

    enum Patience {
        /// A full queue makes the caller wait.
        case waits
        /// A full queue is an error for the caller to pass on.
        case refuses
    }

    private let thread: BatchThread<Job>

    init(_ pool: DatabasePool, lock: FileLock, settings: SQLiteStoreSettings) {
        thread = BatchThread(
            name: "store-writer", capacity: settings.queueCapacity, batchLimit: settings.batchLimit
        ) { jobs in Self.perform(jobs, in: pool, lock) }
    }

    func write<Value: Sendable>(
        _ doing: String, _ patience: Patience, _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        let reply = Reply<Value, StoreError>()
        let job = Job { database in
            let value = try body(database)
            return { reply.bring(.success(value)) }
        } fail: { error in
            reply.bring(.failure(StoreError(error, doing: doing)))
        }
        switch patience {
        case .waits:
            guard await thread.submit(job) else { throw StoreError(.closed, doing) }
        case .refuses:
            switch thread.offer(job) {
            case .taken: break
            case .full: throw StoreError(.overloaded, doing)
            case .closed: throw StoreError(.closed, doing)
            }
        }
        return try await reply.value()
    }

    /// Writes what has been taken, and takes no more.
    func close() async { await thread.close() }

    private static func perform(_ jobs: [Job], in pool: DatabasePool, _ lock: FileLock) {
        do {
            for reply in try lock.hold({ try commit(jobs, in: pool) }) { reply() }
        } catch {
            // One write that cannot be done must not fail its neighbours: each is tried on its own. Where the file is
            // locked by a foreign tool that would only multiply the wait.
            if jobs.count > 1, (error as? DatabaseError)?.resultCode != .SQLITE_BUSY {
                for job in jobs { perform([job], in: pool, lock) }
            } else {
                for job in jobs { job.fail(error) }
            }
        }
    }

    private static func commit(_ jobs: [Job], in pool: DatabasePool) throws -> [@Sendable () -> Void] {
        try pool.writeWithoutTransaction { database in
            var replies: [@Sendable () -> Void] = []
            replies.reserveCapacity(jobs.count)
            try database.inTransaction(.immediate) {
                for job in jobs {
                    do {
                        replies.append(try job.perform(database))
                    } catch let error as StoreError {
                        replies.append { job.fail(error) }
                    }
                }
                return .commit
            }
            return replies
        }
    }
}

extension FileLock {
    /// Runs `body` while no other handle holds the lock, in this process or another.
    ///
    /// SQLite's own lock is polled, after 1, 2, 5, 10 ms and more; here the next one runs as soon as the lock is free.
    func hold<Value>(_ body: () throws -> Value) throws -> Value {
        try lock()
        defer { unlock() }
        return try body()
    }
}
