import Glibc
import MillraceCore
import MillracePorts
import MillraceTesting
import Platform
import Testing

@testable import LinuxUsage

/// Folders that look like `/proc`, of processes that are none of this machine.
@Suite struct ProcCopyTests {
    private func write(_ pid: Int, parent: Int, ticks: Int, reaped: Int = 0, start: Int, in folder: String) throws {
        try Files.makeFolder("\(folder)/\(pid)")
        let stat =
            "\(pid) (a) b) S \(parent) 1 1 0 -1 0 0 0 0 0 \(ticks) 1 \(reaped) 2 20 0 1 0 \(start) 9999 25 0 1 1 0 0\n"
        try Files.write(Array(stat.utf8), to: "\(folder)/\(pid)/stat")
        let io = "rchar: 1\nwchar: 1\nsyscr: 1\nsyscw: 1\nread_bytes: 10\nwrite_bytes: 20\ncancelled_write_bytes: 0\n"
        try Files.write(Array(io.utf8), to: "\(folder)/\(pid)/io")
    }

    private func target(_ pid: Int, start: Int) -> MeteringTarget {
        MeteringTarget(node: "n", kind: .process(pid: pid, startTicks: start))
    }

    @Test("another namespace's processes are read in ticks, and summed with their descendants")
    func sums() async throws {
        try await withTemporaryFolder { folder in
            try write(1, parent: 0, ticks: 99, start: 1, in: folder)
            try write(70, parent: 1, ticks: 99, start: 7, in: folder)
            try write(71, parent: 70, ticks: 9, reaped: 8, start: 8, in: folder)
            try write(30, parent: 71, ticks: 4, start: 9, in: folder)
            let sampler = UsageSampler(LinuxUsageRoots(proc: folder))
            let counters = try #require(try sampler.read([target(71, start: 8)]).first?.reading.get().counters)
            let tick = 1000 / Int(SystemClock.ticksPerSecond)
            #expect(counters.cpu == .milliseconds(tick * (9 + 1 + 8 + 2 + 4 + 1 + 2)))
            #expect(counters.ram == 2 * 25 * Int(sysconf(CInt(_SC_PAGESIZE))))
            #expect(counters.diskRead == 20)
            #expect(counters.diskWritten == 40)
        }
    }

    @Test("a process with another start is another one")
    func reuse() async throws {
        try await withTemporaryFolder { folder in
            try write(70, parent: 1, ticks: 1, start: 7, in: folder)
            let sampler = UsageSampler(LinuxUsageRoots(proc: folder))
            let targets = [target(70, start: 8), target(70, start: 7)]
            for _ in 0..<2 {
                let readings = sampler.read(targets)
                let error = #expect(throws: UsageSourceError.self) { try readings[0].reading.get() }
                #expect(error?.code == .gone)
                #expect(error?.reason.contains("process 70 is another one") == true)
                #expect(throws: Never.self) { try readings[1].reading.get() }
            }
        }
    }

    @Test("texts of no known form are told, and spoil nothing", arguments: ["", "x", "70 (a) S\n", "70 (a"])
    func broken(_ text: String) async throws {
        try await withTemporaryFolder { folder in
            try write(70, parent: 1, ticks: 1, start: 7, in: folder)
            try write(71, parent: 1, ticks: 1, start: 7, in: folder)
            let sampler = UsageSampler(LinuxUsageRoots(proc: folder))
            let targets = [target(70, start: 7), target(71, start: 7)]
            _ = sampler.read(targets)
            try Files.write(Array(text.utf8), to: "\(folder)/70/stat")
            let readings = sampler.read(targets)
            let error = #expect(throws: UsageSourceError.self) { try readings[0].reading.get() }
            #expect(error?.code == .unavailable)
            #expect(throws: Never.self) { try readings[1].reading.get() }
        }
    }

    @Test("a thousand targets with their children, and one that is let go")
    func many() async throws {
        try await withTemporaryFolder { folder in
            for number in 0..<1000 {
                try write(1000 + number, parent: 1, ticks: 1, start: 5, in: folder)
                try write(5000 + number, parent: 1000 + number, ticks: 1, start: 6, in: folder)
            }
            let targets = (0..<1000).map { target(1000 + $0, start: 5) }
            let sampler = UsageSampler(LinuxUsageRoots(proc: folder))
            for _ in 0..<2 {
                let readings = sampler.read(targets)
                #expect(readings.allSatisfy { (try? $0.reading.get())?.counters.diskRead == 20 })
            }
            let fewer = sampler.read(Array(targets.dropFirst()))
            #expect(fewer.count == 999)
            #expect(fewer.allSatisfy { (try? $0.reading.get())?.counters.diskRead == 20 })
        }
    }

    @Test("without a readable /proc nothing is there")
    func nowhere() {
        let sampler = UsageSampler(LinuxUsageRoots(proc: "/nonexistent"))
        #expect(throws: UsageSourceError.self) { try sampler.read([target(1, start: 1)]).first?.reading.get() }
    }

    @Test(
        "a process of which nothing may be read is told as such",
        .enabled(if: geteuid() == 0, "only root can take its own rights away"))
    func denied() async throws {
        try await withTemporaryFolder { folder in
            try write(70, parent: 1, ticks: 1, start: 7, in: folder)
            chmod("\(folder)/70/stat", 0)
            chmod(folder, 0o755)
            let target = target(70, start: 7)
            let code = await NamedThread.run("nobody") { () -> UsageSourceError.Code? in
                guard ThreadRights.becomeNobody() else { return nil }
                let reading = UsageSampler(LinuxUsageRoots(proc: folder)).read([target]).first?.reading
                if case .failure(let error) = reading { return error.code }
                return nil
            }
            #expect(code == .denied)
        }
    }
}

/// A thread's rights to files.
enum ThreadRights {
    /// They become those of nobody, for this thread only, and for good.
    static func becomeNobody() -> Bool {
        guard let symbol = dlsym(nil, "setfsuid") else { return false }
        let setfsuid = unsafeBitCast(symbol, to: (@convention(c) (uid_t) -> CInt).self)
        _ = setfsuid(65_534)
        return setfsuid(65_534) == 65_534
    }
}
