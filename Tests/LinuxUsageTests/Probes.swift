import MillraceCore
import MillracePorts

@testable import LinuxUsage

/// Reads one process and its descendants when it is told to.
struct ProcessTreeProbe: ~Copyable {
    private let sampler: UsageSampler
    private let target: MeteringTarget

    /// - Parameter pid: a process that is there already: which one has this id is settled now.
    init(pid: Int32, roots: LinuxUsageRoots = LinuxUsageRoots()) {
        let start = ProcFolder(roots.proc).look(at: pid, Scratch())?.startTicks
        sampler = UsageSampler(roots)
        target = MeteringTarget(node: "", kind: .process(pid: Int(pid), startTicks: start ?? -1))
    }

    /// What the tree has counted so far. Processes that came and went since the last reading are in it if one of the
    /// tree has reaped them.
    mutating func read() throws(UsageSourceError) -> UsageReading {
        guard let reading = sampler.read([target]).first?.reading else {
            throw UsageSourceError(.unavailable, "there is no reading")
        }
        return try reading.get()
    }
}

/// Reads one control group, v2 or v1, with those below it.
struct CgroupProbe: ~Copyable {
    private let files: CgroupFiles
    private let scratch = Scratch()

    /// - Parameters:
    ///   - path: below the root, as `/proc/PID/cgroup` tells it: `/kubepods/burstable/pod…`.
    ///   - root: where v2's tree, or v1's trees, are mounted.
    init(_ path: String, under root: String = LinuxUsageRoots().cgroup) {
        files = CgroupFiles(path, in: CgroupHierarchies(root), DescriptorBudget())
    }

    /// CPU time, working set, and bytes read and written so far.
    mutating func read() throws(UsageSourceError) -> UsageReading { try files.read(scratch).get() }
}
