import CLinux
import Glibc
import Synchronization

/// How child processes learn that their parent has ended, even by `kill -9`: a pipe that nobody writes to. Each child
/// holds its read end; the only write end is closed by the kernel with the parent.
///
/// The kernel's own parent-death signal will not do: it follows the thread that forked, and threads come and go.
public final class Lifeline: Sendable {
    /// The variable that tells a child its descriptor.
    public static let variable = "MILLRACE_LIFELINE"

    let readEnd: CInt
    private let writeEnd: CInt

    public init() throws(SystemError) {
        let pipe = try Pipe()
        (readEnd, writeEnd) = (pipe.readEnd, pipe.writeEnd)
    }

    deinit {
        close(readEnd)
        close(writeEnd)
    }

    /// Watches the lifeline that this process was given, on a thread of its own, which lasts as long as the process.
    ///
    /// - Parameters:
    ///   - hardExitAfter: the process exits with 75 (failed for now) so long after the parent's end, whatever it is
    ///     doing then; nil: never.
    ///   - onEnd: called on the thread when the parent has ended: it begins the drain, as SIGTERM would.
    /// - Returns: false when the process was given none, or one that is watched already.
    public static func watch(hardExitAfter: Duration?, onEnd: @escaping @Sendable () -> Void) -> Bool {
        guard !isWatched.exchange(true, ordering: .relaxed) else { return false }
        guard let file = InheritedDescriptor.take(variable) else {
            isWatched.store(false, ordering: .relaxed)
            return false
        }
        NamedThread.start("lifeline") {
            awaitEnd(of: file)
            onEnd()
            guard let hardExitAfter else { return }
            Signal().wait(past: 0, atMost: hardExitAfter)
            _exit(EX_TEMPFAIL)
        }
        return true
    }

    private static let isWatched = Atomic(false)

    private static func awaitEnd(of file: CInt) {
        var byte: UInt8 = 0
        while true {
            let count = read(file, &byte, 1)
            if count == 0 || (count < 0 && errno != EINTR) { return }
        }
    }
}

/// How a child process tells its parent that it can take work.
public enum Readiness {
    /// The variable that tells a child its descriptor.
    public static let variable = "MILLRACE_READY"

    private static let isAnnounced = Atomic(false)

    /// Tells it, once; later calls do nothing, nor does a call in a process that nobody waits for.
    public static func announce() {
        guard !isAnnounced.exchange(true, ordering: .relaxed), let file = InheritedDescriptor.take(variable) else {
            return
        }
        // A parent that is gone is the lifeline's business.
        _ = millrace_write_quietly(file, "ready\n", 6)
        close(file)
    }
}
