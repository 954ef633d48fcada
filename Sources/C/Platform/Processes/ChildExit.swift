import CLinux
import Glibc

/// How a child process ended, and what it consumed.
public struct ChildExit: Sendable {
    public enum Status: Hashable, Sendable, CustomStringConvertible {
        case exited(CInt)
        case signalled(CInt)

        /// As the end of a sentence: `exited with status 1`, `was ended by SIGSEGV`.
        public var description: String {
            switch self {
            case .exited(let status): "exited with status \(status)"
            case .signalled(let signal): "was ended by \(ChildExit.name(ofSignal: signal))"
            }
        }
    }

    public var status: Status
    /// User and system time, that of descendants it has waited for included.
    public var cpu: Duration
    /// The largest resident size, in bytes, of it or of a descendant it has waited for; nil when it is not known.
    public var peakRAM: Int?
    /// Bytes fetched from and sent to disks, those of descendants it has waited for included; nil where the kernel
    /// does not tell.
    public var diskRead: Int?
    public var diskWritten: Int?
    /// The end of what it wrote to a captured standard error: at most `Tail.limit` bytes.
    public var errorTail: [UInt8] = []

    /// A child that was told to end before it had started.
    static let neverStarted = ChildExit(status: .signalled(SIGTERM), cpu: .zero)

    static func name(ofSignal signal: CInt) -> String {
        guard let name = millrace_signal_name(signal) else { return "signal \(signal)" }
        return "SIG" + String(cString: name)
    }
}

/// The end of a stream of bytes, in bounded memory.
struct Tail {
    /// Enough for the reason that people are given, which is 2 KiB, after a cut at a line's start.
    static let limit = 4096

    private(set) var bytes: [UInt8] = []

    mutating func append(_ new: UnsafeRawBufferPointer) {
        // At most a chunk more than the limit is ever held.
        bytes.append(contentsOf: new.suffix(Self.limit))
        if bytes.count > Self.limit { bytes.removeFirst(bytes.count - Self.limit) }
    }
}
