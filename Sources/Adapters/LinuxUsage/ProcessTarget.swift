import MillraceCore
import MillracePorts
import Platform

/// A target's reader; one thread's.
protocol TargetMeter: AnyObject {
    func read(_ scratch: Scratch) -> Result<UsageReading, UsageSourceError>
}

/// A process and its descendants.
final class ProcessTarget: TargetMeter {
    /// Above it the kernel gives no process ids (`PID_MAX_LIMIT`).
    private static let largestPid = 1 << 22

    /// No other tree ever has this number.
    let id: Int
    private let pid: Int
    private let startTicks: Int
    /// In clock ticks since boot: only processes that were started then or later count, and not the one at the top; nil:
    /// all of them.
    private let childrenSince: Int?
    private let folder: ProcFolder
    private let budget: DescriptorBudget
    private var tree: ProcessTree
    /// The tree's members, in its order.
    private var processes: [WatchedProcess]
    /// Why it is gone, which it stays: no later process is this one.
    private(set) var gone: UsageSourceError?
    /// Members whose ids may be others' by now.
    private(set) var ended: [Int32] = []

    init(
        id: Int, pid: Int, startTicks: Int, childrenSince: Int? = nil, in folder: ProcFolder, _ budget: DescriptorBudget
    ) {
        self.id = id
        self.pid = pid
        self.startTicks = startTicks
        self.childrenSince = childrenSince
        self.folder = folder
        self.budget = budget
        tree = ProcessTree(root: pid, ticksPerSecond: SystemClock.ticksPerSecond)
        processes = [WatchedProcess(pid: pid, startTicks: startTicks, in: folder, budget)]
        if !(1...Self.largestPid).contains(pid) {
            end(UsageSourceError(.gone, "process \(pid) is not here: no process has such a number"))
        }
    }

    /// Where its tree begins; nil when that is gone.
    var root: ProcessForest.Root? {
        gone == nil ? ProcessForest.Root(tree: id, pid: Int32(pid), startTicks: startTicks) : nil
    }

    // MARK: Members

    func join(_ pid: Int32, _ seen: ProcessForest.Sighting, as entry: ProcessTree.Entry) {
        guard gone == nil else { return }
        // What was there before the run is not of it, nor is what that starts: a guardian of its worker's, or what an
        // earlier run left behind.
        let isOlder = childrenSince.map { seen.startTicks < $0 || tree.isForeign(Int(seen.parent)) } ?? false
        tree.add(Int(pid), parent: Int(seen.parent), as: isOlder ? .foreign : entry)
        processes.append(WatchedProcess(pid: Int(pid), startTicks: seen.startTicks, in: folder, budget))
    }

    func leave(_ pid: Int32) {
        guard gone == nil, let index = tree.index(of: Int(pid)), index > 0 else { return }
        tree.remove(at: index)
        processes.remove(at: index)
    }

    func turn(_ pid: Int32, isForeign: Bool) {
        guard gone == nil, let index = tree.index(of: Int(pid)), index > 0 else { return }
        tree.setForeign(isForeign, at: index)
    }

    // MARK: Readings

    func read(_ scratch: Scratch) -> Result<UsageReading, UsageSourceError> {
        ended.removeAll(keepingCapacity: true)
        if let gone { return .failure(gone) }
        let uptime = SystemClock.monotonicMicroseconds
        for index in processes.indices {
            switch processes[index].read(scratch) {
            case .success(let look):
                if index == 0, look.isZombie { return .failure(end(processes[0].zombie)) }
                tree.record(index > 0 || childrenSince == nil ? look.reading : look.reading.reapedOnly, at: index)
            case .failure(let error):
                if index == 0 { return .failure(error.code == .gone ? end(error) : error) }
                record(error, at: index)
            }
        }
        let counters = tree.total()
        tree.removeEnded { processes.remove(at: $0) }
        return .success(UsageReading(counters, uptime: uptime))
    }

    private func record(_ error: UsageSourceError, at index: Int) {
        guard error.code == .gone else { return tree.miss(at: index) }
        ended.append(Int32(processes[index].pid))
        tree.record(nil, at: index)
    }

    @discardableResult
    private func end(_ reason: UsageSourceError) -> UsageSourceError {
        gone = reason
        processes = []
        return reason
    }
}

extension ProcessTree.Reading {
    /// What its children have left behind, and nothing of its own. Their bytes are in its own, and so in neither: the
    /// tree carries on what it has seen of them.
    fileprivate var reapedOnly: Self {
        Self(parent: parent, cpu: 0, reapedTicks: reapedTicks, ram: 0, io: ProcessIO(read: 0, written: 0))
    }
}
