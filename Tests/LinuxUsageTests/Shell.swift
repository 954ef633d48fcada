import CLinux
import Glibc
import MillraceCore
import MillraceTesting
import Platform

/// A shell that runs lines as it is told to, one after another: a process whose doings a test decides.
final class Shell: Sendable {
    let pid: Int32
    private let input: CInt
    private let output: CInt

    init() throws {
        var (toShell, fromShell) = ([CInt](repeating: 0, count: 2), [CInt](repeating: 0, count: 2))
        guard millrace_pipe(&toShell) == 0, millrace_pipe(&fromShell) == 0 else { throw Broken("no pipe") }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, toShell[0], 0)
        posix_spawn_file_actions_adddup2(&actions, fromShell[1], 1)
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("sh"), nil]
        var child = pid_t()
        let result = posix_spawn(&child, "/bin/sh", &actions, nil, &arguments, environ)
        for argument in arguments { free(argument) }
        posix_spawn_file_actions_destroy(&actions)
        close(toShell[0])
        close(fromShell[1])
        guard result == 0 else { throw Broken("no shell: errno \(result)") }
        (pid, input, output) = (child, toShell[1], fromShell[0])
    }

    deinit {
        close(input)
        close(output)
    }

    var startTicks: Int { ProcessIdentity.startTicks(of: Int(pid)) ?? -1 }
    var target: MeteringTarget {
        MeteringTarget(node: "n", kind: .process(pid: Int(pid), startTicks: startTicks))
    }

    /// Runs lines and waits until they are done.
    /// - Returns: what they wrote to their standard output.
    @discardableResult
    func run(_ lines: String) throws -> String {
        try tell(lines + "\necho .")
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while !(bytes.suffix(2) == Array(".\n".utf8)) {
            guard read(output, &byte, 1) == 1 else { throw Broken("the shell has ended within ‘\(lines)’") }
            bytes.append(byte)
        }
        return String(decoding: bytes.dropLast(2), as: UTF8.self)
    }

    /// Has it run lines, and does not wait.
    func tell(_ lines: String) throws {
        let bytes = Array((lines + "\n").utf8)
        guard write(input, bytes, bytes.count) == bytes.count else { throw Broken("the shell has ended") }
    }

    /// A line that consumes CPU time: some milliseconds for each ten thousand.
    static func burn(_ rounds: Int) -> String {
        "i=0; while [ $i -lt \(rounds) ]; do i=$((i+1)); j=$(((i*31)%1000)); done"
    }

    func kill() { Glibc.kill(pid, SIGKILL) }

    /// Waits for its end, and leaves it a zombie.
    func awaitEnd() {
        var info = siginfo_t()
        while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
    }

    /// Waits for its end and reaps it.
    /// - Returns: what it, and all that it had reaped, has consumed.
    @discardableResult
    func reap() -> Duration {
        var status: CInt = 0
        var usage = rusage()
        while wait4(pid, &status, 0, &usage) < 0, errno == EINTR {}
        return usage.ru_utime.duration + usage.ru_stime.duration
    }
}

extension timeval {
    var duration: Duration { .seconds(tv_sec) + .microseconds(tv_usec) }
}
