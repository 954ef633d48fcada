internal import Glibc
internal import Platform

/// A lock that processes hand to each other: `flock(2)` on a file beside the store's.
///
/// SQLite's own lock is polled, after 1, 2, 5, 10 ms and more; here the next one runs as soon as the lock is free. It
/// goes with a process that dies.
final class FileLock: Sendable {
    private let file: CInt

    init(path: String) throws(SystemError) {
        file = try Files.open(path, O_RDWR | O_CREAT)
    }

    deinit { close(file) }

    /// Blocks the thread until no other handle holds the lock, in this process or another.
    func hold<Value>(_ body: () throws -> Value) throws -> Value {
        while flock(file, LOCK_EX) != 0 {
            guard errno == EINTR else { throw SystemError.last("locking the store") }
        }
        defer { _ = flock(file, LOCK_UN) }
        return try body()
    }
}
