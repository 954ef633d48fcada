import Glibc

/// A lock between processes (and between handles of one process): flock(2) on a file, given up by the kernel when its
/// holder dies. Waiting blocks the thread and is woken by the kernel, first come, first served.
public final class FileLock: Sendable {
    private let file: CInt
    private let path: String

    public init(path: String) throws(SystemError) {
        self.path = path
        file = try Files.open(path, O_RDWR | O_CREAT)
    }

    deinit { Glibc.close(file) }

    public func lock() throws(SystemError) {
        while flock(file, LOCK_EX) != 0 {
            guard errno == EINTR else { throw .last("locking \(path)") }
        }
    }

    public func tryLock() -> Bool { flock(file, LOCK_EX | LOCK_NB) == 0 }

    public func unlock() { flock(file, LOCK_UN) }
}
