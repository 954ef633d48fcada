import MillraceCore
import MillracePorts
import Platform

/// Reads a list of targets again and again; one thread's. What it knows of a target it keeps while that is in the list.
final class UsageSampler {
    /// So long after a sweep ids may have been used again: each is looked at anew.
    private static let oldestSweep: Int64 = 10_000_000

    private let folder: ProcFolder
    private let budget: DescriptorBudget
    private let pods: PodFinder
    private let scratch = Scratch()
    private var targets: [MeteringTarget] = []
    /// Of the targets, in their order.
    private var meters: [any TargetMeter] = []
    private var known: [MeteringTarget.Kind: any TargetMeter] = [:]
    private var trees: [Int: ProcessTarget] = [:]
    private var treesMade = 0
    private var forest = ProcessForest()
    private var rootsChanged = false
    private var lastSweep: Int64 = 0
    private var lastPid: Int?
    private var wasSame = false
    private let uptime: () -> Int64

    /// - Parameter uptime: microseconds since boot.
    init(
        _ roots: LinuxUsageRoots, _ budget: DescriptorBudget = DescriptorBudget(),
        uptime: @escaping () -> Int64 = { SystemClock.monotonicMicroseconds }
    ) {
        self.uptime = uptime
        folder = ProcFolder(roots.proc, budget)
        pods = PodFinder(roots.cgroup, budget)
        self.budget = budget
    }

    /// The readings of one tick.
    func read(
        _ targets: [MeteringTarget]
    ) -> [(target: MeteringTarget, reading: Result<UsageReading, UsageSourceError>)] {
        if targets != self.targets { take(targets) }
        if !trees.isEmpty { sweep() }
        pods.search()
        let readings = zip(targets, meters).map { (target: $0, reading: $1.read(scratch)) }
        for (id, tree) in trees {
            for pid in tree.ended { forest.doubt(pid) }
            guard tree.gone != nil else { continue }
            trees[id] = nil
            rootsChanged = true
        }
        return readings
    }

    private func take(_ targets: [MeteringTarget]) {
        self.targets = targets
        var kept: [MeteringTarget.Kind: any TargetMeter] = [:]
        meters = targets.map { target in
            let meter = kept[target.kind] ?? known[target.kind] ?? meter(of: target.kind)
            kept[target.kind] = meter
            return meter
        }
        known = kept
        trees = [:]
        for case let tree as ProcessTarget in kept.values where tree.gone == nil { trees[tree.id] = tree }
        rootsChanged = true
        pods.keep(kept.values.compactMap { $0 as? PodTarget })
    }

    private func meter(of kind: MeteringTarget.Kind) -> any TargetMeter {
        switch kind {
        case .process(let pid, let startTicks):
            treesMade += 1
            return ProcessTarget(id: treesMade, pid: pid, startTicks: startTicks, in: folder, budget)
        case .children(let pid, let startTicks, let since):
            treesMade += 1
            return ProcessTarget(
                id: treesMade, pid: pid, startTicks: startTicks,
                childrenSince: Int(since / (1_000_000 / SystemClock.ticksPerSecond)), in: folder, budget)
        case .pod(let uid): return PodTarget(uid: uid)
        }
    }

    /// Finds the trees' members: one look at all processes for all trees.
    private func sweep() {
        let now = uptime()
        defer { lastSweep = now }
        if now - lastSweep > Self.oldestSweep {
            forest.doubtAll()
            lastPid = nil
        }
        guard rootsChanged || mayHaveStarted() else { return }
        let changes = forest.sweep(folder.list(), roots: rootsChanged ? trees.values.compactMap(\.root) : nil) { pid in
            let seen = folder.look(at: pid, scratch)
            // Gone again, or not to be looked at just now.
            if seen == nil { lastPid = nil }
            return seen
        }
        rootsChanged = false
        for change in changes {
            switch change {
            case .joins(let tree, let pid, let seen, let entry): trees[tree]?.join(pid, seen, as: entry)
            case .leaves(let tree, let pid): trees[tree]?.leave(pid)
            case .turns(let tree, let pid, let isForeign): trees[tree]?.turn(pid, isForeign: isForeign)
            }
        }
    }

    /// Whether there may be processes that the last sweep has not seen. One that was being started then had its id
    /// already, and was not to be seen yet: the last change counts twice.
    private func mayHaveStarted() -> Bool {
        let pid = folder.lastPid(scratch)
        let isSame = pid != nil && pid == lastPid
        defer {
            lastPid = pid
            wasSame = isSame
        }
        return !isSame || !wasSame
    }
}
