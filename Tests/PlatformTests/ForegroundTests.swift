import Glibc
import MillraceTesting
import Platform
import Testing

/// Children without a group of their own, and with this process's input and output. Each test has a process of its own,
/// as some of it is the whole process's.
@Suite(.timeLimit(.minutes(1))) struct ForegroundTests {
    private static func launch(_ script: String) -> Launch {
        var launch = Launch(command: ["sh", "-c", script], environment: Launch.ownEnvironment)
        launch.hasOwnGroup = false
        return launch
    }

    /// A pipe of which one end becomes this process's descriptor; returns the other end.
    private static func replace(_ standard: CInt, readEnd: Bool) throws -> CInt {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { throw SystemError.last("making a pipe") }
        dup2(ends[readEnd ? 0 : 1], standard)
        close(ends[readEnd ? 0 : 1])
        _ = fcntl(ends[readEnd ? 1 : 0], F_SETFD, FD_CLOEXEC)
        return ends[readEnd ? 1 : 0]
    }

    @Test func `input and output can be this process's own`() async {
        await #expect(processExitsWith: .success) {
            let input = try ForegroundTests.replace(STDIN_FILENO, readEnd: true)
            let output = try ForegroundTests.replace(STDOUT_FILENO, readEnd: false)
            try Files.write(Array("what is given\n".utf8), to: input, path: "the pipe")
            close(input)
            var launch = ForegroundTests.launch("cat; echo and more")
            launch.input = .inherited
            launch.output = .inherited
            for isMetered in [false, true] {
                launch.isMetered = isMetered
                let exit = try await ChildProcess.run(launch, killAfter: .zero)
                try expectEqual(exit.status, .exited(0))
            }
            close(STDOUT_FILENO)
            let text = String(decoding: try Files.read("/proc/self/fd/\(output)"), as: UTF8.self)
            try expectEqual(text, "what is given\nand more\nand more\n")
        }
    }

    @Test func `a child stays in this process's group, and signals go to it alone`() async {
        await #expect(processExitsWith: .success) {
            for isMetered in [false, true] {
                var launch = ForegroundTests.launch(
                    "read -r a b c d group rest < /proc/$$/stat; [ $group = \(getpgrp()) ] && exec sleep 1000")
                launch.isMetered = isMetered
                let child = ChildProcess(launch)
                let exit = try child.runBlocking(onStart: { _ in child.signal(SIGTERM) })
                try expectEqual(exit.status, .signalled(SIGTERM))
                launch.command[2] = "read -r a b c d group rest < /proc/$$/stat; [ $group = \(getpgrp()) ]"
                try expectEqual(try await ChildProcess.run(launch, killAfter: .zero).status, .exited(0))
            }
        }
    }
}
