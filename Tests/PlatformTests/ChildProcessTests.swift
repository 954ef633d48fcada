import Glibc
import MillraceTesting
import Platform
import Testing

@Suite(.timeLimit(.minutes(1))) struct ChildProcessTests {
    private static func launch(_ script: String) -> Launch {
        var launch = Launch(command: ["sh", "-c", script], environment: Launch.ownEnvironment)
        launch.errors = .captured
        return launch
    }

    @Test func `blocked and ignored signals are not inherited`() async throws {
        let blocked = Task.detached {
            await NamedThread.run("blocked") {
                var signals = sigset_t()
                sigfillset(&signals)
                pthread_sigmask(SIG_BLOCK, &signals, nil)
                return try? ChildProcess(Self.launch("grep -E 'Sig(Blk|Ign)' /proc/self/status >&2")).runBlocking()
            }
        }
        let text = ErrorText.end(of: try #require(await blocked.value).errorTail)
        #expect(text == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000")
    }

    @Test func `a child is the leader of its group`() async throws {
        let exit = try await ChildProcess.run(
            Self.launch("read -r a b c d group rest < /proc/$$/stat; [ $group = $$ ]"), killAfter: .zero)
        #expect(exit.status == .exited(0))
    }

    @Test func `the consumption is that of the child`() async throws {
        let exit = try await ChildProcess.run(
            Self.launch("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"), killAfter: .zero)
        #expect(exit.cpu > .zero)
        #expect(exit.diskRead != nil && exit.diskWritten != nil)
    }

    @Test func `the peak of a descendant that was waited for counts`() async throws {
        // tail keeps all of it.
        let size = 100_000_000
        var launch = Self.launch("head -c \(size) /dev/zero | tail -c \(size) > /dev/null")
        launch.isMetered = true
        let peak = try #require(try await ChildProcess.run(launch, killAfter: .zero).peakRAM)
        #expect(peak > size && peak < size * 2)
    }

    @Test func `a child does not get a limit of descriptors that was raised`() async {
        await #expect(processExitsWith: .success) {
            var limit = rlimit()
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
            try expectEqual(getrlimit(resource, &limit), 0)
            limit.rlim_cur = min(limit.rlim_max, 1024) - 1
            let own = limit.rlim_cur
            try expectEqual(setrlimit(resource, &limit), 0)
            try expect(Descriptors.raiseLimit(to: 1 << 16) > own, "the limit was not raised")
            for isMetered in [false, true] {
                var launch = ChildProcessTests.launch("[ $(ulimit -n) = \(own) ]")
                launch.isMetered = isMetered
                try expectEqual(try await ChildProcess.run(launch, killAfter: .zero).status, .exited(0))
            }
        }
    }

    @Test func `metered starts leave this process to be forked as before`() async {
        await #expect(processExitsWith: .success) {
            let ballast = [UInt8](repeating: 1, count: 8 << 20)
            try await withThrowingTaskGroup { group in
                for number in 0..<40 {
                    group.addTask {
                        var launch = ChildProcessTests.launch("exit 0")
                        launch.isMetered = true
                        if number.isMultiple(of: 3) { launch.command = ["/no/such/program"] }
                        _ = try? await ChildProcess.run(launch, killAfter: .zero)
                    }
                }
                try await group.waitForAll()
            }
            let maps = String(decoding: try Files.read("/proc/self/smaps"), as: UTF8.self)
            let flags = maps.split(separator: "\n").filter { $0.hasPrefix("VmFlags:") }
            try expect(flags.count > 20 && ballast.last == 1, "the kernel tells no flags")
            try expect(flags.allSatisfy { !$0.split(separator: " ").contains("dc") }, "memory is spared still")
        }
    }

    @Test func `signals to a child that has ended hit nobody`() throws {
        let child = ChildProcess(Self.launch("exit 3"))
        #expect(try child.runBlocking().status == .exited(3))
        child.signal(SIGKILL)
        child.end(killAfter: .seconds(1))
    }

    @Test func `starts that fail and starts that do not leave no descriptor open`() async {
        await #expect(processExitsWith: .success) {
            func open() throws -> Int { try Files.names(in: "/proc/self/fd").count }
            var guarded = ChildProcessTests.launch("exit 0")
            guarded.isGuarded = true
            guarded.announcesReadiness = true
            guarded.lifeline = try Lifeline()
            _ = try await ChildProcess.run(guarded, killAfter: .zero)
            let before = try open()
            for round in 0..<20 {
                guarded.isMetered = round.isMultiple(of: 2)
                _ = try await ChildProcess.run(guarded, killAfter: .zero)
                var failing = guarded
                failing.workingDirectory = "/no/such/folder"
                _ = try? await ChildProcess.run(failing, killAfter: .zero)
                failing.isGuarded = false
                failing.command = ["/no/such/program"]
                _ = try? await ChildProcess.run(failing, killAfter: .zero)
            }
            // The runtime opens and closes some of its own meanwhile; a leak of ours would be one in each round.
            let after = try open()
            try expect(after < before + 10, "\(after) descriptors are open, of \(before) before")
            // No zombie is left either: the guardian is the only child.
            let children = try Files.names(in: "/proc").filter { name in
                guard let status = try? Files.read("/proc/\(name)/status") else { return false }
                return String(decoding: status, as: UTF8.self).contains("PPid:\t\(getpid())\n")
            }
            try expectEqual(children.count, 1, "children")
        }
    }
}
