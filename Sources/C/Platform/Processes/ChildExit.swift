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
    /// User and system time, that of descendants it has waited for included: what the scheduler has measured, as
    /// `wait4` tells it, to the microsecond. Some 0.1 ms of its start, before the program's first instruction, count.
    public var cpu: Duration
    /// The largest resident size, in bytes, of it or of a descendant it has waited for, never their sum; shared pages,
    /// as of libraries, count in full.
    ///
    /// Of a metered launch alone, nil of others: `wait4`'s, as `/usr/bin/time -v` tells it, and exact but for the
    /// kernel's own count, which is rough by some hundred KiB, as each processor keeps a part of it. Where it could not
    /// be started apart (no `/proc`, `clear_refs` not writable, no memory for page tables), the kernel does not tell it
    /// from this process's own peak: one that is not well above that is a lower bound, seen by looking now and then, or
    /// nil if it ended before a look.
    public var peakRAM: Int?
    /// Bytes fetched from and sent to disks, those of descendants it has waited for included; nil where the kernel
    /// does not tell. Exact, and counted where pages are fetched and made dirty: what the page cache has is not read, and
    /// what is written counts when it is put there, even if it is removed before it gets to a disk.
    public var diskRead: Int?
    public var diskWritten: Int?
    /// The end of what it wrote to a captured standard error: at most `Tail.limit` bytes.
    public var errorTail: [UInt8] = []

    /// A child that was told to end before it had started.
    static let neverStarted = ChildExit(status: .signalled(SIGTERM), cpu: .zero)

    init(status: Status, cpu: Duration) {
        self.status = status
        self.cpu = cpu
    }

    /// With the kernel's peak.
    init(_ exit: millrace_exit, disk: (read: Int, written: Int)?) {
        self.init(
            status: exit.by_signal ? .signalled(exit.status) : .exited(exit.status), cpu: .microseconds(exit.cpu_us))
        peakRAM = Int(exit.peak_kib) << 10
        diskRead = disk?.read
        diskWritten = disk?.written
    }

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
