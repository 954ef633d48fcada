import Glibc
import LinuxUsage
import MillraceCore
import MillracePorts
import MillraceTesting
import Platform
import Testing

@Suite struct RealCgroupTests {
    private static let root = "/sys/fs/cgroup"
    /// Version 1's trees, where this machine has them and lets us make groups: else there is nothing to compare with.
    private static let trees = ["cpuacct", "cpu,cpuacct", "memory", "blkio"].map { "\(root)/\($0)" }
        .filter { access($0 + "/cgroup.procs", W_OK) == 0 }
    private static var canMakeGroups: Bool { geteuid() == 0 && trees.count >= 3 }

    @Test(
        "a group's CPU time is what wait4 says of all that ran in it",
        .enabled(if: canMakeGroups, "this machine has no cgroup v1 trees in which groups may be made"))
    func compare() throws {
        let name = "/millrace-test-\(getpid())"
        defer { for tree in Self.trees { rmdir(tree + name) } }
        for tree in Self.trees {
            guard mkdir(tree + name, 0o755) == 0 || errno == EEXIST else { throw Broken("cannot make \(tree)\(name)") }
        }
        let shell = try Shell()
        var probe = CgroupProbe(name, under: Self.root)
        let before = Self.cpu(of: shell.pid)
        for tree in Self.trees { try writeFile("\(shell.pid)\n", to: tree + name + "/cgroup.procs") }
        #expect(try #require(try probe.read().counters.cpu) < .milliseconds(50))
        try shell.run("\(Shell.burn(200_000)); sh -c '\(Shell.burn(100_000))'")
        let reading = try probe.read()
        #expect(try #require(reading.counters.ram) > 0)
        #expect(reading.counters.diskRead != nil)
        try shell.tell("exit")
        let exact = shell.reap() - before
        let cpu = try #require(try probe.read().counters.cpu)
        let allowed = max(exact / 100, .milliseconds(2))
        #expect(cpu > exact - allowed && cpu < exact + allowed, "\(cpu), wait4 says \(exact)")
        for tree in Self.trees {
            guard rmdir(tree + name) == 0 else { throw Broken("cannot remove \(tree)\(name): errno \(errno)") }
        }
        let error = #expect(throws: UsageSourceError.self) { try probe.read() }
        #expect(error?.code == .gone, "its open files say nothing any more")
    }

    private static func cpu(of pid: Int32) -> Duration {
        var time = timespec()
        clock_gettime(~pid << 3 | 2, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}
