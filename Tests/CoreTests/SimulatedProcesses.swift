import MillraceCore
import MillraceTesting

/// A machine's processes as a kernel counts them: exactly, but told in ticks where `/proc` tells ticks.
struct SimulatedProcesses {
    static let tick = 10_000_000

    struct Process {
        var parent: Int
        var isZombie = false
        var own = 0
        var reapedUser = 0
        var reapedSystem = 0
        /// Those of reaped children included.
        var bytes = 0
        /// What nobody will know of if it is lost now: consumed since it was last read, by it or a child that it has
        /// reaped since.
        var unseen = (cpu: 0, bytes: 0)
        var wasSeen = false
        /// Whether its parent was another when it was last read.
        var isMoved = false

        var reapedTicks: Int { reapedUser / tick + reapedSystem / tick }
    }

    /// Those below the root; `init` has the id 1, is not here, and reaps at once.
    private(set) var processes: [Int: Process] = [10: Process(parent: 1)]
    private var lastPid = 10
    /// What was consumed below the root, less what nobody could see: consumed after the last reading by a process that
    /// `init` has reaped.
    private(set) var cpu = 0
    private(set) var bytes = 0
    /// How many were reaped by `init`; of each, as much as two ticks may never be told.
    private(set) var lost = 0
    /// What was consumed, seen or not.
    private(set) var all = (cpu: 0, bytes: 0)
    var random: SeededGenerator
    /// Whether parents of living children end.
    var makesOrphans: Bool
    /// Whether orphans are reaped before they were seen as such.
    var losesUnseen: Bool

    init(seed: UInt64, makesOrphans: Bool, losesUnseen: Bool) {
        random = SeededGenerator(seed: seed)
        self.makesOrphans = makesOrphans
        self.losesUnseen = losesUnseen
    }

    var pids: [Int] { processes.keys.sorted() }

    // MARK: Events

    mutating func event() {
        let living = pids.filter { processes[$0]?.isZombie == false }
        guard let pid = living.randomElement(using: &random) else { return }
        switch Int.random(in: 0..<10, using: &random) {
        case 0...1:
            lastPid += 1
            processes[lastPid] = Process(parent: pid)
        case 2...5: consume(pid)
        case 6...7: if pid != 10 { end(pid) }
        default: reap()
        }
        for pid in pids { reapOrphan(pid) }
    }

    private mutating func consume(_ pid: Int) {
        let time = Int.random(in: 0..<40_000_000, using: &random)
        let size = Int.random(in: 0..<5, using: &random) * 4096
        processes[pid]?.own += time
        processes[pid]?.bytes += size
        processes[pid]?.unseen.cpu += time
        processes[pid]?.unseen.bytes += size
        cpu += time
        bytes += size
        all = (all.cpu + time, all.bytes + size)
    }

    private mutating func end(_ pid: Int) {
        let children = pids.filter { processes[$0]?.parent == pid }
        guard children.isEmpty || makesOrphans else { return }
        processes[pid]?.isZombie = true
        for child in children {
            processes[child]?.parent = 1
            processes[child]?.isMoved = true
        }
    }

    private mutating func reap() {
        let zombies = pids.filter { processes[$0].map { $0.isZombie && $0.parent != 1 } == true }
        guard let pid = zombies.randomElement(using: &random), let process = processes[pid] else { return }
        let user = process.own / 3
        processes[process.parent]?.reapedUser += user + process.reapedUser
        processes[process.parent]?.reapedSystem += process.own - user + process.reapedSystem
        processes[process.parent]?.bytes += process.bytes
        processes[process.parent]?.unseen.cpu += process.unseen.cpu
        processes[process.parent]?.unseen.bytes += process.unseen.bytes
        processes[pid] = nil
    }

    private mutating func reapOrphan(_ pid: Int) {
        guard let process = processes[pid], process.isZombie, process.parent == 1,
            losesUnseen || !process.isMoved || !process.wasSeen
        else { return }
        lose(pid)
    }

    private mutating func lose(_ pid: Int) {
        guard let process = processes.removeValue(forKey: pid) else { return }
        cpu -= process.unseen.cpu
        bytes -= process.unseen.bytes
        lost += 1
    }

    // MARK: Readings

    /// Reads a tree, with events in between if told so.
    mutating func read(_ tree: inout ProcessTree, eventsBetween: Bool) -> UsageCounters {
        var isComplete = false
        while !isComplete {
            isComplete = true
            for pid in pids {
                guard tree.index(of: pid) == nil, let process = processes[pid],
                    tree.index(of: process.parent) != nil
                else { continue }
                tree.add(pid, parent: process.parent, as: .whole)
                isComplete = false
            }
        }
        // Orphaned before anyone saw them below the root.
        for pid in pids where tree.index(of: pid) == nil { lose(pid) }
        for index in 0..<tree.count {
            if eventsBetween, Bool.random(using: &random) { event() }
            tree.record(look(at: tree.pid(at: index)), at: index)
        }
        if eventsBetween { event() }
        let counters = tree.total()
        tree.removeEnded { _ in }
        return counters
    }

    private mutating func look(at pid: Int) -> ProcessTree.Reading? {
        guard let process = processes[pid] else { return nil }
        processes[pid]?.unseen = (0, 0)
        processes[pid]?.wasSeen = true
        processes[pid]?.isMoved = false
        return ProcessTree.Reading(
            parent: process.parent, cpu: Int64(process.own), reapedTicks: process.reapedTicks, ram: 4096,
            io: ProcessIO(read: process.bytes, written: process.bytes))
    }
}
