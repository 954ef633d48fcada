public import MillraceCore
public import MillracePorts

/// Reads one control group, v2 or v1, with those below it. One thread's at a time.
public struct CgroupProbe: ~Copyable {
    private let files: CgroupFiles
    private let scratch = Scratch()

    /// - Parameters:
    ///   - path: below the root, as `/proc/PID/cgroup` tells it: `/kubepods/burstable/pod…`.
    ///   - root: where v2's tree, or v1's trees, are mounted.
    public init(_ path: String, under root: String = LinuxUsageRoots().cgroup) {
        files = CgroupFiles(path, in: CgroupHierarchies(root), DescriptorBudget())
    }

    /// CPU time, working set, and bytes read and written so far.
    public mutating func read() throws(UsageSourceError) -> UsageReading { try files.read(scratch).get() }

    /// The most memory that it ever had in use, in bytes; nil where the kernel does not tell.
    public mutating func peakRAM() -> Int? { files.peakRAM(scratch) }
}
