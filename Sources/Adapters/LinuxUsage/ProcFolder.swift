import Glibc
import MillraceCore
import Platform

/// `/proc`, or a folder that looks like it.
final class ProcFolder {
    let path: String
    /// Whether its process ids are those of this process's namespace, so that processes' CPU clocks can be asked for by
    /// them; those count nanoseconds. Else `stat` tells ticks.
    let hasClocks: Bool
    private let loadAverage: KernelFile
    private var stream: OpaquePointer?
    private var pids: [Int32] = []

    init(_ path: String, _ budget: DescriptorBudget = .none) {
        self.path = path
        loadAverage = KernelFile(path + "/loadavg", budget)
        var name = [UInt8](repeating: 0, count: 16)
        let count = readlink(path + "/self", &name, name.count)
        hasClocks = count > 0 && String(decoding: name[..<count], as: UTF8.self) == "\(getpid())"
    }

    deinit { if let stream { closedir(stream) } }

    func file(_ name: String, of pid: Int, _ budget: DescriptorBudget) -> KernelFile {
        KernelFile("\(path)/\(pid)/\(name)", budget)
    }

    /// All processes' ids, ascending; none where the folder cannot be read.
    func list() -> [Int32] {
        if let stream { rewinddir(stream) } else { stream = opendir(path) }
        pids.removeAll(keepingCapacity: true)
        guard let stream else { return pids }
        var isAscending = true
        while let entry = readdir(stream) {
            guard let pid = Self.pid(&entry.pointee.d_name.0) else { continue }
            isAscending = isAscending && pid > pids.last ?? 0
            pids.append(pid)
        }
        // The kernel's own are; those of a copy need not be.
        if !isAscending { pids.sort() }
        return pids
    }

    /// The process or thread id that was given out last; while it stays the same, nothing was started. Nil where that
    /// is not known: the kernel tells that of the reader's namespace, whosever `/proc` it is.
    func lastPid(_ scratch: Scratch) -> Int? {
        guard hasClocks, case .success(let text) = loadAverage.read(scratch) else { return nil }
        return lastPidOfLoadAverage(text)
    }

    private static func pid(_ name: UnsafePointer<CChar>) -> Int32? {
        var pid: Int32 = 0
        var next = name
        while next.pointee != 0 {
            guard (0x30...0x39).contains(next.pointee), pid < 100_000_000 else { return nil }
            pid = pid * 10 + Int32(next.pointee - 0x30)
            next += 1
        }
        return pid > 0 ? pid : nil
    }

    /// A look at a process that may be a member of a tree.
    func look(at pid: Int32, _ scratch: Scratch) -> ProcessForest.Sighting? {
        guard case .success(let text) = KernelFile("\(path)/\(pid)/stat", .none).read(scratch),
            let stat = ProcessStat(text), let parent = Int32(exactly: stat.parent)
        else { return nil }
        return ProcessForest.Sighting(parent: parent, startTicks: stat.startTicks)
    }
}

extension DescriptorBudget {
    /// Keeps nothing open.
    static var none: DescriptorBudget { DescriptorBudget(of: 0) }
}
