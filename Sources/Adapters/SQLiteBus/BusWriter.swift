import GRDB
import Glibc
import MillraceCore
import MillracePorts
import Platform
import Synchronization

/// The thread of a handle that writes: what was asked for while it committed makes its next transaction.
///
/// A transaction is written under the lock that writers of all processes hand on, without a sync. The lock is given up
/// and readers are woken; only then is the log synced, and only after that are senders told that their records are
/// safe. So the log of one commit is synced while others commit, and a reader that acts on a record before it is safe
/// does no harm: what it publishes stands behind the record in the same log, which survives a power cut up to a point.
final class BusWriter: Sendable {
    /// Work done inside the transaction; its answer is given when the transaction is safe, or has failed.
    struct Job: Sendable {
        /// Throws a `BusError` that is this job's alone: the others of the batch go on. Any other error ends the batch.
        var perform: @Sendable (inout Transaction) throws -> Void
        var answer: @Sendable (BusError?) -> Void
        /// Whether the answer waits for the sync.
        var isDurable: Bool
    }

    private let thread: BatchThread<Job>

    init(file: BusFile, database: DatabaseQueue, clean: @escaping @Sendable (Int) -> Void) {
        // 4096 jobs of a step's three messages are some 4 MB at most; a batch of 512 commits within a few ms.
        let log = LogSync(path: file.path + "-wal")
        thread = BatchThread(name: "bus-writer", capacity: 4096, batchLimit: 512, linger: .milliseconds(2)) { jobs in
            Self.commit(jobs, file: file, database: database, log: log, clean: clean)
        }
    }

    func submit(_ job: Job, isUrgent: Bool) async throws(BusError) {
        guard await thread.submit(job, isUrgent: isUrgent) else { throw BusError(.closed, "writing to the bus") }
    }

    /// Performs a job and waits for its end.
    /// - Parameter isUrgent: false lets it wait some milliseconds for others to go with.
    func run<Value: Sendable>(
        durable: Bool = false, isUrgent: Bool = true, _ perform: @escaping @Sendable (inout Transaction) throws -> Value
    ) async throws(BusError) -> Value {
        let result = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<Value, BusError>, Never>) in
            let job = Self.job(durable: durable, perform) { continuation.resume(returning: $0) }
            switch thread.offer(job, isUrgent: isUrgent) {
            case .taken: break
            case .closed: continuation.resume(returning: .failure(BusError(.closed, "writing to the bus")))
            case .full:
                continuation.resume(
                    returning: .failure(BusError(.unavailable, "writing to the bus", cause: "its queue is full")))
            }
        }
        return try result.get()
    }

    /// The same for a thread that may block.
    func runBlocking<Value: Sendable>(
        _ perform: @escaping @Sendable (inout Transaction) throws -> Value
    ) throws(BusError) -> Value {
        let outcome = Mutex<Result<Value, BusError>?>(nil)
        let signal = Signal()
        let box = OutcomeBox(outcome)
        let job = Self.job(durable: false, perform) { result in
            box.value.withLock { $0 = result }
            signal.raise()
        }
        guard case .taken = thread.offer(job) else {
            throw BusError(.unavailable, "writing to the bus", cause: "its queue is full or closed")
        }
        signal.wait(past: 0)
        guard let result = box.value.withLock({ $0 }) else { throw BusError(.closed, "writing to the bus") }
        return try result.get()
    }

    func close() async { await thread.close() }

    /// A job that answers with what it made.
    static func job<Value: Sendable>(
        durable: Bool, _ perform: @escaping @Sendable (inout Transaction) throws -> Value,
        _ answer: @escaping @Sendable (Result<Value, BusError>) -> Void
    ) -> Job {
        let box = OutcomeBox<Value?>(Mutex(nil))
        return Job(
            perform: { transaction in
                let value = try perform(&transaction)
                box.value.withLock { $0 = value }
            },
            answer: { error in
                if let error { return answer(.failure(error)) }
                guard let value = box.value.withLock({ $0 }) else { return }
                answer(.success(value))
            }, isDurable: durable)
    }

    private static func commit(
        _ jobs: [Job], file: BusFile, database: DatabaseQueue, log: LogSync, clean: (Int) -> Void
    ) {
        var failures = [BusError?](repeating: nil, count: jobs.count)
        var raised: Set<Int> = []
        let written: Int
        do throws(BusError) {
            written = try mapErrors("writing to \(file.path)") {
                try file.writeLock.lock()
                defer { file.writeLock.unlock() }
                return try database.inDatabase { db in
                    var transaction = Transaction(
                        db: db, now: Timestamp(microseconds: SystemClock.wallMicroseconds),
                        uptime: Timestamp(microseconds: SystemClock.monotonicMicroseconds))
                    try db.inTransaction(.immediate) {
                        for (index, job) in jobs.enumerated() {
                            do { try job.perform(&transaction) } catch let error as BusError { failures[index] = error }
                        }
                        try transaction.flush()
                        return .commit
                    }
                    raised = transaction.raised
                    return transaction.bytesWritten
                }
            }
        } catch {
            for job in jobs { job.answer(error) }
            return
        }
        for word in raised { file.wake.raise(word) }
        for (index, job) in jobs.enumerated() where !job.isDurable { job.answer(failures[index]) }
        guard jobs.contains(where: \.isDurable) else { return clean(written) }
        // What cannot be synced is there and not safe: only those who asked for that are told of a failure.
        var unsafe: BusError?
        do throws(BusError) { try log.sync() } catch { unsafe = error }
        for (index, job) in jobs.enumerated() where job.isDurable { job.answer(failures[index] ?? unsafe) }
        clean(written)
    }
}

/// Syncs the write-ahead log. The log file is there while any connection is open, and ours is.
private final class LogSync: Sendable {
    private let path: String
    private let file = Mutex<CInt>(-1)

    init(path: String) { self.path = path }
    deinit { file.withLock { if $0 >= 0 { Glibc.close($0) } } }

    func sync() throws(BusError) {
        try mapErrors("syncing \(path)") {
            try file.withLock { file in
                if file < 0 { file = try Files.open(path, O_RDONLY) }
                guard fdatasync(file) == 0 else { throw SystemError.last("syncing \(path)") }
            }
        }
    }
}

/// A `Mutex` that closures can share.
private final class OutcomeBox<Value: Sendable>: Sendable {
    let value: Mutex<Value>
    init(_ value: consuming sending Mutex<Value>) { self.value = value }
}
