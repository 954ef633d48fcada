import Glibc
import MillraceCore
import MillracePorts
import MillraceTesting
import Platform
import Synchronization
import Testing

@testable import LinuxUsage

@Suite struct LinuxUsageSourceTests {
    @Test(
        "the source for Linux keeps the port's promises", .timeLimit(.minutes(1)),
        arguments: UsageSourceConformance.promises)
    func conforms(_ promise: Promise<UsageSourceFixture>) async throws {
        let shells = Shells()
        let ended = try Shell()
        let (absent, other) = (ended.target, MeteringTarget(node: "n", kind: .process(pid: 1, startTicks: 1)))
        try ended.tell("exit")
        ended.reap()
        let nowhere = MeteringTarget(node: "n", kind: .pod(uid: "00000000-0000-4000-8000-000000000000"))
        try await promise.check(
            UsageSourceFixture(
                source: LinuxUsageSource(), period: .milliseconds(20), absent: [absent, other, nowhere]
            ) {
                try shells.start()
            } end: { target in
                shells.end(target)
            })
        shells.endAll()
    }

    // MARK: The sampler, tick by tick

    private func read(_ sampler: UsageSampler, _ targets: [MeteringTarget]) throws -> [UsageCounters] {
        try sampler.read(targets).map { try $0.reading.get().counters }
    }

    @Test("of two targets, one started by the other, each has its own, and the upper one never the lower one's")
    func nested() async throws {
        try await withTemporaryFolder { folder in
            let upper = try Shell()
            let sampler = UsageSampler(LinuxUsageRoots())
            try upper.run("mkfifo \(folder)/work \(folder)/done \(folder)/end")
            let work = "read x < \(folder)/work; \(Shell.burn(200_000)); echo > \(folder)/done"
            try upper.run("(\(work); read x < \(folder)/end) & echo $! > \(folder)/pid")
            let pid = try #require(Int(String(decoding: try readFile(folder + "/pid").dropLast(), as: UTF8.self)))
            let lower = MeteringTarget(
                node: "n",
                kind: .process(pid: pid, startTicks: try #require(ProcessIdentity.startTicks(of: pid))))
            // It is the upper one's until it is a target itself.
            _ = try read(sampler, [upper.target])
            let before = try read(sampler, [upper.target, lower])
            try writeFile("\n", to: folder + "/work")
            _ = try readFile(folder + "/done")
            let after = try read(sampler, [upper.target, lower])
            let worked = try #require(after[1].cpu) - #require(before[1].cpu)
            #expect(worked > .milliseconds(50))
            #expect(try #require(after[0].cpu) - #require(before[0].cpu) < worked / 2)
            try writeFile("\n", to: folder + "/end")
            // Reaped, its CPU time is in what the kernel tells of the upper one.
            try upper.run("wait")
            let last = try #require(try sampler.read([upper.target, lower])[0].reading.get().counters.cpu)
            #expect(last - (try #require(before[0].cpu)) < worked / 2)
            try upper.tell("exit")
            upper.reap()
        }
    }

    @Test("of a worker's commands the worker itself is not counted, before, while and after they run")
    func children() async throws {
        try await withTemporaryFolder { folder in
            let worker = try Shell()
            // It is there before the run, as a worker's guardian is, and not of it.
            try worker.run("sleep 1000 2> /dev/null & before=$!; sleep 0.05")
            let target = MeteringTarget(
                node: "n",
                kind: .children(
                    ofPID: Int(worker.pid), startTicks: worker.startTicks, since: SystemClock.monotonicMicroseconds))
            let sampler = UsageSampler(LinuxUsageRoots())
            try worker.run(Shell.burn(100_000))
            let idle = try read(sampler, [target])[0]
            #expect(idle.cpu == .zero && idle.ram == 0 && idle.diskRead == 0 && idle.diskWritten == 0)
            try worker.run("mkfifo \(folder)/done \(folder)/end")
            let write = "dd if=/dev/zero of=\(folder)/file bs=1M count=3 conv=fsync 2> /dev/null"
            try worker.run(
                "sh -c '\(write); \(Shell.burn(100_000)); echo > \(folder)/done; read x < \(folder)/end' & work=$!")
            _ = try readFile(folder + "/done")
            let busy = try read(sampler, [target])[0]
            #expect(try #require(busy.cpu) > .milliseconds(20))
            #expect(try #require(busy.ram) > 100_000)
            #expect(try #require(busy.diskWritten) >= 3 << 20)
            try writeFile("\n", to: folder + "/end")
            try worker.run("wait $work")
            for _ in 0..<3 {
                let over = try read(sampler, [target])[0]
                #expect(try #require(over.cpu) >= #require(busy.cpu) - .milliseconds(20))
                #expect(over.ram == 0)
                #expect(try #require(over.diskWritten) >= #require(busy.diskWritten))
            }
            try worker.tell("kill $before; exit")
            worker.reap()
            guard case .failure(let error) = sampler.read([target])[0].reading else { throw Broken("it is not gone") }
            #expect(error.code == .gone)
        }
    }

    @Test("a machine that was asleep between two ticks counts nobody twice")
    func longPause() async throws {
        try await withTemporaryFolder { folder in
            let shell = try Shell()
            try shell.run("mkfifo \(folder)/begun \(folder)/end")
            try shell.run("sh -c 'echo > \(folder)/begun; read x < \(folder)/end' & child=$!")
            // From then on its memory stays as it is: both wait.
            _ = try readFile(folder + "/begun")
            let uptime = Mutex<Int64>(1_000_000_000)
            let sampler = UsageSampler(LinuxUsageRoots()) { uptime.withLock { $0 } }
            let before = try read(sampler, [shell.target])[0]
            for _ in 0..<3 {
                uptime.withLock { $0 += 3_600_000_000 }
                let after = try read(sampler, [shell.target])[0]
                #expect(try #require(after.ram) < #require(before.ram) * 3 / 2)
            }
            try shell.tell("kill $child; exit")
            shell.reap()
        }
    }

    @Test("files are kept open, and closed when a target is let go")
    func files() throws {
        let shell = try Shell()
        let target = shell.target
        func open() throws -> Int {
            try Files.names(in: "/proc/self/fd").count { name in
                var link = [UInt8](repeating: 0, count: 64)
                let count = readlink("/proc/self/fd/\(name)", &link, link.count)
                return String(decoding: link.prefix(max(0, count)), as: UTF8.self).hasPrefix("/proc/\(shell.pid)/")
            }
        }
        let sampler = UsageSampler(LinuxUsageRoots())
        for _ in 0..<3 { _ = try read(sampler, [target]) }
        #expect(try open() == 2)
        _ = sampler.read([])
        #expect(try open() == 0)
        _ = try read(sampler, [target])
        #expect(try open() == 2)
        try shell.tell("exit")
        shell.reap()
        _ = sampler.read([target])
        #expect(try open() == 0, "those of a process that has ended are closed")
    }

    @Test("without descriptors files are opened each time", arguments: [0, 1, 3])
    func descriptors(_ budget: Int) throws {
        let shells = try (0..<3).map { _ in try Shell() }
        let sampler = UsageSampler(LinuxUsageRoots(), DescriptorBudget(of: budget))
        let targets = shells.map(\.target)
        for _ in 0..<3 {
            let counters = try read(sampler, targets)
            #expect(counters.allSatisfy { $0.cpu != nil && $0.ram != nil && $0.diskRead != nil })
        }
        try shells[1].tell("exit")
        shells[1].reap()
        let codes = sampler.read(targets).map { reading -> UsageSourceError.Code? in
            if case .failure(let error) = reading.reading { error.code } else { nil }
        }
        #expect(codes == [nil, .gone, nil])
        for shell in [shells[0], shells[2]] {
            try shell.tell("exit")
            shell.reap()
        }
    }

    @Test("ten thousand targets that are not there and a thousand that are the same cost no more than themselves")
    func many() throws {
        let shell = try Shell()
        let absent = (0..<10_000).map {
            MeteringTarget(node: "n", kind: .process(pid: $0 * 7 - 100, startTicks: 1))
        }
        let targets = absent + Array(repeating: shell.target, count: 1000)
        let sampler = UsageSampler(LinuxUsageRoots())
        for _ in 0..<3 {
            let readings = sampler.read(targets)
            #expect(readings.count == targets.count)
            #expect(readings.suffix(1000).allSatisfy { (try? $0.reading.get()) != nil })
            #expect(
                readings.prefix(10_000).allSatisfy {
                    if case .failure(let error) = $0.reading { error.code == .gone } else { false }
                })
        }
        try shell.tell("exit")
        shell.reap()
    }

    // MARK: What may not be read

    @Test(
        "of another user's process there is no disk, but CPU and memory",
        .enabled(if: geteuid() == 0, "only root can take its own rights away"))
    func anotherUsers() async throws {
        let shell = try Shell()
        let target = shell.target
        let counters = await NamedThread.run("nobody") { () -> UsageCounters? in
            guard ThreadRights.becomeNobody() else { return nil }
            let sampler = UsageSampler(LinuxUsageRoots())
            return try? sampler.read([target]).first?.reading.get().counters
        }
        let found = try #require(counters)
        #expect(found.cpu != nil)
        #expect(try #require(found.ram) > 0)
        #expect(found.diskRead == nil)
        #expect(found.diskWritten == nil)
        try shell.tell("exit")
        shell.reap()
    }
}

/// Shells as targets of a suite.
private final class Shells: Sendable {
    private let all = Mutex<[MeteringTarget: Shell]>([:])

    func start() throws -> MeteringTarget {
        let shell = try Shell()
        let target = shell.target
        all.withLock { $0[target] = shell }
        return target
    }

    func end(_ target: MeteringTarget) {
        guard let shell = all.withLock({ $0.removeValue(forKey: target) }) else { return }
        shell.kill()
        shell.reap()
    }

    func endAll() {
        for target in all.withLock({ Array($0.keys) }) { end(target) }
    }
}
