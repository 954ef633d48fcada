import Glibc
import MillraceTesting
import Platform
import Synchronization
import Testing

/// Each test has a process of its own: of what else the tests start, it would be the parent.
@Suite(.timeLimit(.minutes(1))) struct OrphansTests {
    private static func launch(_ script: String) -> Launch {
        var launch = Launch(command: ["sh", "-c", script], environment: Launch.ownEnvironment)
        launch.isMetered = true
        return launch
    }

    /// Waits until a child has ended, and leaves it a zombie.
    private static func awaitAnyEnd() throws {
        var info = siginfo_t()
        while waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) != 0 {
            guard errno == EINTR else { throw SystemError.last("waiting for an orphan") }
        }
    }

    @Test func `what a command left behind is told when it has ended`() async {
        await #expect(processExitsWith: .success) {
            try Orphans.adopt()
            let size = 50 << 20
            // Its own parent ends at once, and it outlives the command: that one's end is what it reads of the pipe. In
            // the background a shell's own input is /dev/null.
            var launch = OrphansTests.launch(
                """
                exec 3<&0
                (sh -c 'head -c \(size) /dev/zero | tail -c \(size) > /dev/null; read -r end; exit 7' <&3 &)
                """)
            launch.hasOwnGroup = false
            launch.input = .inherited
            var ends: [CInt] = [-1, -1]
            try expect(pipe(&ends) == 0, "there is no pipe")
            dup2(ends[0], STDIN_FILENO)
            close(ends[0])
            _ = fcntl(ends[1], F_SETFD, FD_CLOEXEC)
            let exit = try await ChildProcess.run(launch, killAfter: .zero)
            try expectEqual(exit.status, .exited(0))
            try expect((exit.peakRAM ?? .max) < size, "the command itself has used \(exit.peakRAM ?? -1)")
            try expectEqual(Orphans.reap().count, 0, "orphans while it runs")
            close(ends[1])
            try OrphansTests.awaitAnyEnd()
            let orphans = Orphans.reap()
            try expectEqual(orphans.map(\.status), [.exited(7)])
            try expect(orphans[0].cpu > .zero, "it has used no CPU")
            // Of its own child, tail, which keeps all of it.
            try expect((orphans[0].peakRAM ?? 0) > size, "its peak is \(orphans[0].peakRAM ?? -1)")
            try expect(orphans[0].diskWritten != nil, "its bytes are not known")
            try expectEqual(Orphans.reap().count, 0, "orphans after all")
        }
    }

    /// Processes that `/proc` shows as zombies whose parent is this one.
    private static func zombies() throws -> Int {
        try Files.names(in: "/proc").count { name in
            guard let status = try? Files.read("/proc/\(name)/status") else { return false }
            let text = String(decoding: status, as: UTF8.self)
            return text.contains("PPid:\t\(getpid())\n") && text.contains("State:\tZ")
        }
    }

    @Test func `one whose first thread alone has ended is not waited for`() async {
        await #expect(processExitsWith: .success) {
            try Orphans.adopt()
            let program = """
                import ctypes, os, threading
                def rest():
                    os.read(0, 1)
                    os._exit(5)
                threading.Thread(target=rest).start()
                ctypes.CDLL(None).pthread_exit(None)
                """
            var launch = OrphansTests.launch("exec 3<&0; (python3 -c '\(program)' <&3 &)")
            launch.hasOwnGroup = false
            launch.input = .inherited
            var ends: [CInt] = [-1, -1]
            try expect(pipe(&ends) == 0, "there is no pipe")
            dup2(ends[0], STDIN_FILENO)
            close(ends[0])
            _ = fcntl(ends[1], F_SETFD, FD_CLOEXEC)
            _ = try await ChildProcess.run(launch, killAfter: .zero)
            try await eventually("its first thread to end") { try OrphansTests.zombies() == 1 }
            try expectEqual(Orphans.reap().count, 0, "orphans while it runs")
            close(ends[1])
            try OrphansTests.awaitAnyEnd()
            try expectEqual(Orphans.reap().map(\.status), [.exited(5)])
        }
    }

    @Test func `a group's leftovers are told as killed`() async {
        await #expect(processExitsWith: .success) {
            try Orphans.adopt()
            _ = try await ChildProcess.run(OrphansTests.launch("sleep 1000 &"), killAfter: .zero)
            try OrphansTests.awaitAnyEnd()
            try expectEqual(Orphans.reap().map(\.status), [.signalled(SIGKILL)])
        }
    }

    @Test func `own children are left to who waits for them`() async {
        await #expect(processExitsWith: .success) {
            try Orphans.adopt()
            let isOver = Atomic(false)
            async let found = NamedThread.run("reaper") {
                var found = 0
                while !isOver.load(ordering: .relaxed) { found += Orphans.reap().count }
                return found
            }
            try await withThrowingTaskGroup { group in
                for number in 0..<100 {
                    group.addTask {
                        var launch = OrphansTests.launch("exit 3")
                        launch.isGuarded = number.isMultiple(of: 3)
                        launch.isMetered = number.isMultiple(of: 2)
                        if number.isMultiple(of: 5) { launch.command = ["/no/such/program"] }
                        let exit = try? await ChildProcess.run(launch, killAfter: .zero)
                        try expectEqual(exit?.status, number.isMultiple(of: 5) ? nil : .exited(3))
                    }
                }
                try await group.waitForAll()
            }
            isOver.store(true, ordering: .relaxed)
            try expectEqual(await found, 0, "own children that were taken for orphans")
        }
    }
}
