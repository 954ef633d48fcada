import CLinux
import Glibc

/// What the thread that stays with a child does, from its start to its end. Not to be shared with other threads.
struct Supervision {
    let pid: pid_t
    private let launch: Launch
    /// Becomes readable when the child ends.
    private let end: CInt
    private var errors: CInt = -1
    private var readiness: CInt = -1
    private var tail = Tail()
    private var peak: Int?
    /// Of a metered launch: below this the kernel's peak may be another's, namely this process's own peak at the start,
    /// and a margin; 0 where it is the child's in any case, nil when this process's peak is not known.
    private let shadow: Int?

    /// How often the program's memory is looked at, in milliseconds: often at first, as most commands are short.
    private static let longestLook: CInt = 250

    init(_ launch: Launch) throws(SystemError) {
        self.launch = launch
        let plan = try Plan(launch)
        do {
            let child = try plan.start()
            pid = child.pid
            // After the start, so that it is no less than what the child was born with. The kernel counts pages on each
            // processor apart and sums them up roughly: an eighth and 4 MiB are more than that error.
            shadow =
                child.hasExactPeak || !launch.isMetered
                ? 0 : ProcessFiles.peakRAM(of: "self").map { $0 + $0 / 8 + (4 << 20) }
        } catch {
            plan.closeTheirs()
            plan.closeOurs()
            throw error.cause
        }
        plan.closeTheirs()
        errors = plan.errors
        readiness = plan.readiness
        end = millrace_pidfd_open(pid)
        guard end >= 0 else {
            // Without it the end cannot be awaited beside the pipes: a kernel older than 5.3, or no descriptor left.
            let error = SystemError.last("watching ‘\(launch.command[0])’")
            _ = try? finish()
            throw error
        }
    }

    /// Drains the pipes until the leader has ended; it is a zombie then.
    mutating func awaitEnd(onReady: () -> Void) {
        var look: CInt = 1
        var nextLook = SystemClock.monotonicMicroseconds
        let looks = shadow != 0
        while true {
            var files = [
                pollfd(fd: end, events: Int16(POLLIN), revents: 0),
                // poll(2) passes over negative ones.
                pollfd(fd: errors, events: Int16(POLLIN), revents: 0),
                pollfd(fd: readiness, events: Int16(POLLIN), revents: 0),
            ]
            let count = poll(&files, 3, looks ? look : -1)
            if count < 0 { continue }
            if files[0].revents != 0 { return }
            if looks, SystemClock.monotonicMicroseconds >= nextLook {
                peak = ProcessFiles.peakRAM(of: "\(pid)") ?? peak
                look = min(look * 2, Self.longestLook)
                nextLook = SystemClock.monotonicMicroseconds + Int64(look) * 1000
            }
            if files[1].revents != 0, drainErrors() == .ended { Self.close(&errors) }
            if files[2].revents != 0 {
                if isReady() { onReady() }
                Self.close(&readiness)
            }
        }
    }

    /// Kills what is left of the group, takes what the child consumed, and reaps it.
    mutating func finish() throws(SystemError) -> ChildExit {
        if end < 0 { kill(launch.recipient(pid), SIGKILL) }
        // Often it is a zombie already: then this does not block.
        _ = millrace_await_exit(pid)
        let disk = ProcessFiles.disk(of: pid)
        // The zombie keeps the id taken, so that this can hit no other group.
        if launch.hasOwnGroup { kill(-pid, SIGKILL) }
        // What it had written when it ended is in the pipe, which holds at most 1 MiB. Another process that lives on and
        // keeps the pipe open, or floods it, is not waited for.
        var rest = 32
        while errors >= 0, rest > 0, drainErrors() == .more { rest -= 1 }
        Self.close(&errors)
        Self.close(&readiness)
        if end >= 0 { Glibc.close(end) }
        if launch.hasGuardian { Guardian.shared.release(pid) }
        var exit: ChildExit
        do {
            exit = ChildExit(try OwnChildren.reap(pid), disk: disk)
        } catch {
            throw SystemError(error.code, "waiting for ‘\(launch.command[0])’")
        }
        exit.peakRAM = launch.isMetered ? exit.peakRAM.flatMap(peakRAM(fromKernel:)) : nil
        exit.errorTail = tail.bytes
        return exit
    }

    /// The kernel counts into a child's peak what its memory was before the exec. Of a metered one that is next to
    /// nothing. Where it could not be started so, it is this process's own: a command of 2 MB started by a worker of
    /// 100 MB "has used" 100 MB. A peak above that is exact; one that is not is hidden in that shadow, and the last look
    /// at the program's own memory is taken for it.
    private func peakRAM(fromKernel kernel: Int) -> Int? {
        guard let shadow, kernel > shadow else { return peak }
        return kernel
    }

    private enum Drained { case more, empty, ended }

    /// Reads once, without blocking.
    private mutating func drainErrors() -> Drained {
        withUnsafeTemporaryAllocation(byteCount: 32 << 10, alignment: 1) { buffer in
            while true {
                let count = read(errors, buffer.baseAddress, buffer.count)
                if count > 0 {
                    tail.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                    return .more
                }
                if count == 0 { return .ended }
                if errno != EINTR { return errno == EAGAIN ? .empty : .ended }
            }
        }
    }

    /// Whether something was written; the pipe's end without a word is no readiness.
    private func isReady() -> Bool {
        var byte: UInt8 = 0
        return read(readiness, &byte, 1) > 0
    }

    private static func close(_ file: inout CInt) {
        if file >= 0 { Glibc.close(file) }
        file = -1
    }
}
