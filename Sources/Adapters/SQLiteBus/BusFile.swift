import GRDB
import Glibc
import MillraceCore
import MillracePorts
import Platform

/// The files of a bus, as every handle in every process opens them: the database, the lock that writers hand on, and
/// the words that waiting readers sleep on.
struct BusFile: Sendable {
    let path: String
    let wake: WakeFile
    let writeLock: FileLock
    /// The same lock for the handle's other thread: a descriptor's lock does not keep its own process's threads apart.
    let checkpointLock: FileLock
    /// Held by the one process that is cleaning up.
    let cleaningLock: FileLock

    init(path: String) throws(BusError) {
        self.path = path
        do throws(SystemError) {
            wake = try WakeFile(path: path + "-wake")
            writeLock = try FileLock(path: path + "-lock")
            checkpointLock = try FileLock(path: path + "-lock")
            cleaningLock = try FileLock(path: path + "-clean")
        } catch {
            throw BusError(.unavailable, "opening \(path)", cause: error.description)
        }
    }

    /// The one connection of a handle that writes.
    func openWriter() throws(BusError) -> DatabaseQueue {
        try mapErrors("opening \(path)") {
            try writeLock.lock()
            defer { writeLock.unlock() }
            let queue = try DatabaseQueue(path: path, configuration: configuration(readonly: false))
            try queue.inDatabase { db in
                try db.execute(sql: "PRAGMA journal_mode = WAL")
                try db.inTransaction(.immediate) {
                    try BusSchema.migrate(db)
                    try BusSchema.forgetMembersOfOtherBoots(db, bootID: ProcessIdentity.bootID)
                    return .commit
                }
            }
            return queue
        }
    }

    /// A connection for checkpoints, which read nothing and write back what others wrote.
    func openCheckpointer() throws(BusError) -> DatabaseQueue {
        try mapErrors("opening \(path)") {
            try DatabaseQueue(path: path, configuration: configuration(readonly: false))
        }
    }

    func openReader() throws(BusError) -> DatabaseQueue {
        try mapErrors("opening \(path)") {
            try DatabaseQueue(path: path, configuration: configuration(readonly: true))
        }
    }

    private func configuration(readonly: Bool) -> Configuration {
        var configuration = Configuration()
        configuration.readonly = readonly
        // Our own writers hand over by the lock; this is for a foreign tool that has the file open.
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { db in
            // A commit is written but not synced inside the transaction: the writer syncs once it has handed the lock
            // on (see BusWriter). Checkpoints are done aside, so that no sender pays for one.
            try db.execute(sql: "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -1024")
        }
        return configuration
    }
}

/// Runs `body`, turning what the database and the system throw into a `BusError`.
func mapErrors<Value>(_ doing: @autoclosure () -> String, _ body: () throws -> Value) throws(BusError) -> Value {
    do {
        return try body()
    } catch let error as BusError {
        throw error
    } catch let error as DatabaseError {
        let code: BusError.Code =
            switch error.resultCode {
            case .SQLITE_CORRUPT, .SQLITE_NOTADB: .corrupt
            default: .unavailable
            }
        throw BusError(code, doing(), cause: error.message ?? "\(error.resultCode)")
    } catch let error as BusSchema.NewerVersion {
        throw BusError(
            .corrupt, doing(),
            cause:
                "the file is of version \(error.found), this Millrace reads \(BusSchema.version): use a later Millrace")
    } catch {
        throw BusError(.unavailable, doing(), cause: "\(error)")
    }
}
