import Glibc

/// An errno, and what was being done.
public struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    public var code: CInt
    public var doing: String

    public init(_ code: CInt, _ doing: String) {
        self.code = code
        self.doing = doing
    }

    /// The calling thread's errno: must be asked for right after the call that failed.
    public static func last(_ doing: String) -> SystemError { SystemError(errno, doing) }

    public var isDiskFull: Bool { code == ENOSPC || code == EDQUOT }

    public var description: String { "\(doing): \(String(cString: strerror(code)))" }
}
