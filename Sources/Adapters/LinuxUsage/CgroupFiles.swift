import Glibc
import MillraceCore
import MillracePorts
import Platform

/// Where control groups are: v2's one tree, or v1's trees, one for each controller.
struct CgroupHierarchies {
    /// Nil for v1.
    var unified: String?
    var cpu: [String] = []
    var memory: [String] = []
    var blkio: [String] = []

    init(_ root: String) {
        // On machines that have both, v1 has the controllers, and v2's tree lies below.
        if Files.exists(root + "/cgroup.controllers") {
            unified = root
            return
        }
        func existing(_ names: String...) -> [String] { names.map { "\(root)/\($0)" }.filter(Files.exists) }
        cpu = existing("cpu,cpuacct", "cpuacct,cpu", "cpuacct")
        memory = existing("memory")
        blkio = existing("blkio")
    }

    /// Trees in which groups may be looked for: any that a container's group is in.
    var trees: [String] { unified.map { [$0] } ?? Array((memory + cpu + blkio).prefix(1)) }
}

/// The files of one group.
final class CgroupFiles {
    private enum Version { case one, two }

    /// Its path below the hierarchies' roots, which it begins with a slash.
    let path: String
    private let version: Version
    private let folders: [String]
    private let cpu: KernelFile?
    private let memory: KernelFile?
    private let memoryStat: KernelFile?
    /// The first that is there counts.
    private let disk: [KernelFile]

    init(_ path: String, in hierarchies: CgroupHierarchies, _ budget: DescriptorBudget) {
        self.path = path
        func file(_ folder: String?, _ name: String) -> KernelFile? {
            folder.map { KernelFile($0 + "/" + name, budget) }
        }
        if let root = hierarchies.unified {
            version = .two
            let folder = root + path
            folders = [folder]
            cpu = file(folder, "cpu.stat")
            memory = file(folder, "memory.current")
            memoryStat = file(folder, "memory.stat")
            disk = [file(folder, "io.stat")].compactMap(\.self)
            return
        }
        version = .one
        let (cpuFolder, memoryFolder) = (
            hierarchies.cpu.first.map { $0 + path }, hierarchies.memory.first.map { $0 + path }
        )
        let diskFolder = hierarchies.blkio.first.map { $0 + path }
        folders = [cpuFolder, memoryFolder, diskFolder].compactMap(\.self)
        cpu = file(cpuFolder, "cpuacct.usage")
        memory = file(memoryFolder, "memory.usage_in_bytes")
        memoryStat = file(memoryFolder, "memory.stat")
        disk = ["blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_service_bytes"]
            .compactMap { file(diskFolder, $0) }
    }

    func read(_ scratch: Scratch) -> Result<UsageReading, UsageSourceError> {
        let uptime = SystemClock.monotonicMicroseconds
        var problem: SystemError?
        let bytes = diskBytes(scratch, &problem)
        let counters = UsageCounters(
            cpu: time(scratch, &problem), ram: workingSet(scratch, &problem), diskRead: bytes?.read,
            diskWritten: bytes?.written)
        if counters == UsageCounters() { return .failure(explain(problem)) }
        return .success(UsageReading(counters, uptime: uptime))
    }

    private func time(_ scratch: Scratch, _ problem: inout SystemError?) -> Duration? {
        switch version {
        case .one: value(of: cpu, scratch, &problem, CgroupText.number).map { .nanoseconds(Int64($0)) }
        case .two: value(of: cpu, scratch, &problem, CgroupText.cpuMicroseconds).map { .microseconds(Int64($0)) }
        }
    }

    private func workingSet(_ scratch: Scratch, _ problem: inout SystemError?) -> Int? {
        guard let current = value(of: memory, scratch, &problem, CgroupText.number) else { return nil }
        let inactive =
            switch version {
            case .one: value(of: memoryStat, scratch, &problem, CgroupText.totalInactiveFile)
            case .two: value(of: memoryStat, scratch, &problem, CgroupText.inactiveFile)
            }
        return inactive.map { CgroupText.workingSet(current: current, inactiveFile: $0) }
    }

    private func diskBytes(_ scratch: Scratch, _ problem: inout SystemError?) -> (read: Int, written: Int)? {
        for file in disk {
            let bytes = value(of: file, scratch, &problem, version == .one ? CgroupText.blkio : CgroupText.ioStat)
            if let bytes { return bytes }
        }
        return nil
    }

    private func value<Value>(
        of file: KernelFile?, _ scratch: Scratch, _ problem: inout SystemError?,
        _ parse: (UnsafeBufferPointer<UInt8>) -> Value?
    ) -> Value? {
        guard let file else { return nil }
        switch file.read(scratch) {
        case .success(let text): return parse(text)
        case .failure(let error):
            // What may be done about it is told rather than that a file is not there.
            if problem == nil || error.code == EACCES || error.code == EPERM { problem = error }
            return nil
        }
    }

    private func explain(_ problem: SystemError?) -> UsageSourceError {
        guard folders.contains(where: Files.exists) else {
            return UsageSourceError(.gone, "the control group \(path) is not here: what ran in it has ended")
        }
        guard let problem else {
            return UsageSourceError(.unavailable, "the control group \(path) tells nothing in a form that is known")
        }
        if problem.code == EACCES || problem.code == EPERM {
            return UsageSourceError(.denied, "the control group \(path) must not be read: \(problem)")
        }
        return UsageSourceError(.unavailable, "the control group \(path) cannot be read: \(problem)")
    }
}
