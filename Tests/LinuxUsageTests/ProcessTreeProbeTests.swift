import Glibc
import LinuxUsage
import MillraceCore
import MillracePorts
import MillraceTesting
import Platform
import Testing

/// Real processes, read by whoever asks.
@Suite struct ProcessTreeProbeTests {
    /// `/proc` tells reaped children's user and system time in whole ticks.
    private static let rounding: Duration = .milliseconds(20)

    @Test("200 children that come and go are counted as wait4 counts them")
    func shortLived() throws {
        let shell = try Shell()
        var probe = ProcessTreeProbe(pid: shell.pid)
        var last: Duration = .zero
        for _ in 0..<20 {
            try shell.tell("for n in 1 2 3 4 5 6 7 8 9 10; do sh -c '\(Shell.burn(3000))'; done")
            // While they run, and when they are over.
            for _ in 0..<10 {
                let cpu = try #require(try probe.read().counters.cpu)
                #expect(cpu >= last)
                last = cpu
            }
            try shell.run(":")
        }
        let counters = try probe.read().counters
        _ = try probe.read()
        try shell.tell("exit")
        let exact = shell.reap()
        let cpu = try #require(counters.cpu)
        #expect(cpu >= last)
        #expect(cpu <= exact)
        #expect(cpu >= exact - Self.rounding - .milliseconds(10), "\(cpu) of \(exact)")
        #expect(try #require(counters.ram) > 100_000)
    }

    @Test("a process that was seen before it was orphaned stays, and what it had consumed stays when it has ended")
    func orphan() async throws {
        try await withTemporaryFolder { folder in
            let shell = try Shell()
            var probe = ProcessTreeProbe(pid: shell.pid)
            try shell.run("mkfifo \(folder)/work \(folder)/done \(folder)/end \(folder)/leave")
            let inner = "read x < \(folder)/work; \(Shell.burn(100_000)); echo > \(folder)/done; read x < \(folder)/end"
            try shell.tell("sh -c '(\(inner)) & echo $! > \(folder)/pid; read x < \(folder)/leave; exit'")
            let orphan = try await eventually("the grandchild's id") { () -> Int? in
                let text = (try? readFile(folder + "/pid")).map { String(decoding: $0, as: UTF8.self) } ?? ""
                return text.hasSuffix("\n") ? Int(text.dropLast()) : nil
            }
            let before = try #require(try probe.read().counters.cpu)
            try writeFile("\n", to: folder + "/leave")
            try shell.run(":")
            #expect(try parent(of: orphan) != Int(shell.pid))
            _ = try probe.read()
            try writeFile("\n", to: folder + "/work")
            _ = try readFile(folder + "/done")
            let worked = try #require(try probe.read().counters.cpu)
            #expect(worked > before + .milliseconds(20))
            try writeFile("\n", to: folder + "/end")
            try await eventually("the grandchild's end") {
                ProcessIdentity.startTicks(of: orphan).map {
                    !ProcessIdentity(pid: orphan, startTicks: $0).isAlive
                } ?? true
            }
            for _ in 0..<3 { #expect(try #require(try probe.read().counters.cpu) >= worked) }
            try shell.tell("exit")
            shell.reap()
        }
    }

    private func parent(of pid: Int) throws -> Int? {
        let text = String(decoding: try Files.read("/proc/\(pid)/stat"), as: UTF8.self)
        return text.split(separator: ")").last?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
    }

    @Test("all threads of a process are counted, those that have ended too")
    func threads() async throws {
        var probe = ProcessTreeProbe(pid: getpid())
        let before = try #require(try probe.read().counters.cpu)
        let own = Self.ownCPU()
        _ = await NamedThread.run("burn") {
            while Self.threadCPU() < .milliseconds(60) {}
        }
        let shell = await NamedThread.run("spawn") { Result { try Shell() } }
        try shell.get().run(Shell.burn(50_000))
        let after = try #require(try probe.read().counters.cpu)
        #expect(after - before >= Self.ownCPU() - own - .milliseconds(20) - Self.rounding)
        #expect(after - before >= .milliseconds(60))
        try shell.get().tell("exit")
        try shell.get().reap()
    }

    private static func ownCPU() -> Duration { time(CLOCK_PROCESS_CPUTIME_ID) }
    private static func threadCPU() -> Duration { time(CLOCK_THREAD_CPUTIME_ID) }
    private static func time(_ clock: clockid_t) -> Duration {
        var time = timespec()
        clock_gettime(clock, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    @Test("bytes that went to disk are told, reaped children's too")
    func disk() async throws {
        try await withTemporaryFolder { folder in
            let shell = try Shell()
            var probe = ProcessTreeProbe(pid: shell.pid)
            guard let before = try probe.read().counters.diskWritten else {
                throw Broken("this kernel tells no bytes of processes")
            }
            try shell.run("sh -c 'dd if=/dev/zero of=\(folder)/file bs=1000 count=1000 conv=fsync 2> /dev/null'")
            let written = try #require(try probe.read().counters.diskWritten) - before
            #expect(written >= 1_000_000)
            try shell.tell("exit")
            shell.reap()
        }
    }

    // MARK: What is not there

    private func reason(_ probe: consuming ProcessTreeProbe) -> UsageSourceError? {
        do throws(UsageSourceError) {
            _ = try probe.read()
            return nil
        } catch {
            return error
        }
    }

    @Test("a process that has ended is gone, reaped or not")
    func ended() throws {
        let shell = try Shell()
        var probe = ProcessTreeProbe(pid: shell.pid)
        _ = try probe.read()
        shell.kill()
        shell.awaitEnd()
        for _ in 0..<2 {
            let error = #expect(throws: UsageSourceError.self) { try probe.read() }
            #expect(error?.code == .gone)
            #expect(error?.reason.contains("process \(shell.pid)") == true)
            #expect(error?.reason.contains("ended") == true)
        }
        let zombie = reason(ProcessTreeProbe(pid: shell.pid))
        #expect(zombie?.code == .gone)
        #expect(zombie?.reason.contains("parent") == true)
        shell.reap()
        #expect(reason(ProcessTreeProbe(pid: shell.pid))?.code == .gone)
    }

    @Test("an end between two readings is told as one")
    func reaped() throws {
        let shell = try Shell()
        var probe = ProcessTreeProbe(pid: shell.pid)
        _ = try probe.read()
        try shell.tell("exit")
        shell.reap()
        #expect(throws: UsageSourceError(.gone, "process \(shell.pid) has ended")) { try probe.read() }
    }

    @Test("no such process", arguments: [-1, 0, Int32.max, 4_194_304])
    func absent(_ pid: Int32) {
        let error = reason(ProcessTreeProbe(pid: pid))
        #expect(error?.code == .gone)
        #expect(error?.reason.contains("process \(pid) is not here") == true)
    }
}
