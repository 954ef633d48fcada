import Glibc

/// This process's file descriptors.
public enum Descriptors {
    /// Raises the soft limit to the hard one, but not above `most`; a higher one stays as it is.
    /// - Returns: how many descriptors this process may have.
    @discardableResult
    public static func raiseLimit(to most: Int) -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 256 }
        let wished = min(limit.rlim_max, rlim_t(max(0, most)))
        guard limit.rlim_cur < wished else { return Int(clamping: limit.rlim_cur) }
        var raised = limit
        raised.rlim_cur = wished
        guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 else {
            return Int(clamping: limit.rlim_cur)
        }
        return Int(clamping: wished)
    }
}
