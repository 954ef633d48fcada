import CommandTasks
import Glibc
import MillraceCore
import MillracePorts
import MillraceTesting
import Platform
import Testing

/// How commands and what they have started come to their end. A process proves that it lives by holding a FIFO.
@Suite(.timeLimit(.minutes(1))) struct CommandEndTests {
    /// Runs a command, cancels it when it says `ready` on the FIFO, and waits until nobody holds that any more.
    private func cancel(_ script: String, killAfter: Duration) async throws -> (TaskError, [String]) {
        try await CommandFixture.with { fixture in
            let fifo = try fixture.fifo("alive")
            let task = fixture.shell("exec 3>\"$D/alive\"; " + script, killAfter: killAfter)
            let run = Task { try await fixture.failure(of: task) }
            var lines: [String] = []
            for await line in fifo {
                lines.append(line)
                if line == "ready" { run.cancel() }
            }
            return (try await run.value, lines)
        }
    }

    @Test func `a cancelled command may clean up, and ends`() async throws {
        let script = "trap 'echo cleaned >&3; exit 0' TERM; echo ready >&3; while :; do sleep 1000 & wait; done"
        let (error, lines) = try await cancel(script, killAfter: .seconds(60))
        #expect(error.code == .temporary)
        #expect(error.reason.contains("cancelled"))
        #expect(error.children != nil)
        #expect(lines == ["ready", "cleaned"])
    }

    @Test func `a cancelled command that does not listen is killed, with all its group`() async throws {
        let script = "trap '' TERM; (sleep 1000) & (trap '' TERM; sleep 1000; :) & echo ready >&3; wait; sleep 1000"
        let (error, _) = try await cancel(script, killAfter: .milliseconds(1))
        #expect(error.code == .temporary)
        let (atOnce, _) = try await cancel(script, killAfter: .zero)
        #expect(atOnce.code == .temporary)
    }

    @Test func `a run that is cancelled before it starts starts nothing`() async throws {
        try await CommandFixture.with { fixture in
            let run = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await fixture.failure(of: fixture.shell(": > \"$D/started\""))
            }
            let error = try await run.value
            #expect(error.code == .temporary)
            #expect(!Files.exists(fixture.folder + "/started"))
        }
    }

    @Test func `a grandchild that holds the pipes is not waited for, and is killed`() async throws {
        try await CommandFixture.with { fixture in
            let fifo = try fixture.fifo("alive")
            let script = "exec 3>\"$D/alive\"; sleep 1000 & : > \"$MILLRACE_OUTPUT\"; echo ready >&3"
            #expect(try await fixture.run(fixture.shell(script)).file == "output.jpg")
            #expect(await Array(fifo) == ["ready"])
        }
    }

    @Test func `one that has left the group and floods the pipe is not waited for`() async throws {
        try await CommandFixture.with { fixture in
            let fifo = try fixture.fifo("alive")
            let script = """
                exec 3>"$D/alive"
                setsid sh -c 'echo $$ >&3; while :; do echo noise >&2; done' &
                read -r go < "$D/go"; exit 7
                """
            guard mkfifo(fixture.folder + "/go", 0o600) == 0 else { throw SystemError.last("making a FIFO") }
            async let failure = fixture.failure(of: fixture.shell(script))
            for await line in fifo {
                await NamedThread.run("go") { try? Files.write([10], to: fixture.folder + "/go") }
                let error = try await failure
                #expect(error.reason.contains("exited with status 7"))
                #expect(kill(try #require(pid_t(line)), SIGKILL) == 0 || errno == ESRCH)
            }
        }
    }

    @Test func `a dead worker's command dies with it, and all its group`() async throws {
        try await CommandFixture.with { fixture in
            let fifo = try fixture.fifo("alive")
            await #expect(processExitsWith: .signal(SIGKILL)) { [folder = fixture.folder as String] in
                let fixture = CommandFixture(folder: folder, input: folder + "/cat.jpg")
                let script = """
                    trap '' TERM HUP; exec 3>"$D/alive"
                    (trap '' TERM; sleep 1000; :) & kill -9 $PPID; sleep 1000
                    """
                _ = try await fixture.run(fixture.shell(script))
            }
            // The FIFO ends when the last of the group is gone.
            #expect(await Array(fifo) == [])
        }
    }

    @Test func `a guardian that was killed is replaced`() async throws {
        await #expect(processExitsWith: .success) {
            try await CommandFixture.with { fixture in
                let copy = fixture.shell("cp \"$MILLRACE_INPUT\" \"$MILLRACE_OUTPUT\"")
                _ = try await fixture.run(copy)
                let guardian = try CommandEndTests.guardian()
                kill(guardian, SIGKILL)
                // Its end of the socket is closed when it is a zombie.
                var info = siginfo_t()
                waitid(P_PID, id_t(guardian), &info, WEXITED | WNOWAIT)
                _ = try await fixture.run(copy)
                try expect(try CommandEndTests.guardian() != guardian, "there is no other guardian")
            }
        }
    }

    /// The process id of this process's guardian.
    private static func guardian() throws -> pid_t {
        for name in try Files.names(in: "/proc") {
            guard let pid = pid_t(name), let command = try? Files.read("/proc/\(pid)/cmdline"),
                command.starts(with: Array("millrace-guardian".utf8)),
                let status = try? Files.read("/proc/\(pid)/status"),
                String(decoding: status, as: UTF8.self).contains("PPid:\t\(getpid())\n")
            else { continue }
            return pid
        }
        throw Broken("there is no guardian")
    }

    @Test func `many commands at once are kept apart`() async throws {
        try await withThrowingTaskGroup { group in
            for number in 0..<50 {
                group.addTask {
                    try await CommandFixture.with { fixture in
                        let error = try await fixture.failure(of: fixture.shell("echo \(number) >&2; exit 2"))
                        return error.reason == "‘/bin/sh’ exited with status 2: \(number)"
                    }
                }
            }
            for try await isRight in group { #expect(isRight) }
        }
    }
}

extension Array where Element == String {
    init(_ stream: AsyncStream<String>) async {
        self = []
        for await element in stream { append(element) }
    }
}
