import Glibc
import Synchronization

/// This process's file descriptors.
public enum Descriptors {
    /// The soft limit before it was raised first, or 0.
    private static let original = Mutex<rlim_t>(0)

    /// The soft limit that children are started with, whoever raised this process's: programs that use select(2), or
    /// that close all descriptors there may be, suffer from a high one. 0 for this process's own.
    static var limitOfChildren: UInt64 { original.withLock { UInt64($0) } }

    /// Raises the soft limit to the hard one, but not above `most`; a higher one stays as it is. Children do not get it.
    /// - Returns: how many descriptors this process may have.
    @discardableResult
    public static func raiseLimit(to most: Int) -> Int {
        original.withLock { original in
            var limit = rlimit()
            guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 256 }
            let wished = min(limit.rlim_max, rlim_t(max(0, most)))
            guard limit.rlim_cur < wished else { return Int(clamping: limit.rlim_cur) }
            if original == 0 { original = limit.rlim_cur }
            var raised = limit
            raised.rlim_cur = wished
            guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 else {
                return Int(clamping: limit.rlim_cur)
            }
            return Int(clamping: wished)
        }
    }
}
