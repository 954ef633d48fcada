import MillraceCore
import MillraceTesting
import Testing

@Suite struct ProcessForestTests {
    typealias Change = ProcessForest.Change

    /// A machine: pid to parent and start.
    private struct Machine {
        var processes: [Int32: ProcessForest.Sighting] = [1: .init(parent: 0, startTicks: 0)]
        var forest = ProcessForest()
        var looks = 0

        mutating func start(_ pid: Int32, parent: Int32, at ticks: Int? = nil) {
            processes[pid] = .init(parent: parent, startTicks: ticks ?? Int(pid))
        }

        mutating func sweep(_ roots: [Int: Int32]? = nil) -> [Change] {
            let processes = processes
            var looks = 0
            defer { self.looks += looks }
            return forest.sweep(
                processes.keys.sorted(),
                roots: roots?.map { .init(tree: $0, pid: $1, startTicks: processes[$1]?.startTicks ?? -1) }
            ) { pid in
                looks += 1
                return processes[pid]
            }
        }

        func joins(_ tree: Int, _ pid: Int32, _ entry: ProcessTree.Entry = .whole) -> Change {
            .joins(tree: tree, pid: pid, seen: processes[pid] ?? .init(parent: 0, startTicks: 0), as: entry)
        }
    }

    @Test("after a long pause all are looked at, and only what is another process now changes")
    func pause() {
        var machine = Machine()
        for pid in [10, 11, 12] as [Int32] { machine.start(pid, parent: pid == 10 ? 1 : 10) }
        #expect(machine.sweep([1: 10]).count == 2)
        // An orphan stays where it was.
        machine.processes[12] = .init(parent: 1, startTicks: 12)
        machine.processes[11] = .init(parent: 1, startTicks: 99)
        let looks = machine.looks
        machine.forest.doubtAll()
        #expect(machine.sweep().isEmpty)
        #expect(machine.looks == looks + 4)
    }

    @Test("descendants join, parents first, and each once")
    func descendants() {
        var machine = Machine()
        machine.start(50, parent: 1)
        // Ids that went round: a child's is lower than its parent's.
        machine.start(30, parent: 40, at: 70)
        machine.start(40, parent: 50, at: 60)
        machine.start(60, parent: 1)
        #expect(machine.sweep([7: 50]) == [machine.joins(7, 40), machine.joins(7, 30)])
        #expect(machine.sweep() == [])
        machine.start(80, parent: 30)
        machine.start(90, parent: 60)
        #expect(machine.sweep() == [machine.joins(7, 80)])
    }

    @Test("only new processes are looked at, and the others in turn")
    func looks() {
        var machine = Machine()
        for pid in 2...161 as ClosedRange<Int32> { machine.start(pid, parent: pid < 100 ? 1 : 100) }
        machine.start(100, parent: 1)
        _ = machine.sweep([1: 100])
        #expect(machine.looks == 161)
        for _ in 0..<16 { #expect(machine.sweep() == []) }
        #expect(machine.looks == 161 + 99, "those of no tree, each once in 16 sweeps")
    }

    @Test("an orphan stays where it was seen")
    func orphan() {
        var machine = Machine()
        machine.start(10, parent: 1)
        machine.start(20, parent: 10)
        machine.start(30, parent: 20)
        _ = machine.sweep([1: 10])
        machine.processes[20] = nil
        machine.start(30, parent: 1)
        #expect(machine.sweep() == [])
        machine.start(40, parent: 30)
        #expect(machine.sweep() == [machine.joins(1, 40)])
        machine.start(50, parent: 1)
        #expect(machine.sweep([1: 10, 2: 50]) == [])
    }

    @Test("a process belongs to the nearest root; the root is a foreigner above")
    func nested() {
        var machine = Machine()
        machine.start(10, parent: 1)
        machine.start(20, parent: 10)
        machine.start(30, parent: 20)
        machine.start(40, parent: 30)
        #expect(
            machine.sweep([1: 10, 2: 30]) == [
                machine.joins(1, 20), machine.joins(1, 30, .foreign), machine.joins(2, 40),
            ])
        // Let go, it is the upper one's again, with all that it has.
        #expect(
            machine.sweep([1: 10]) == [.turns(tree: 1, pid: 30, isForeign: false), machine.joins(1, 40, .fromNow)])
        // And the other way round.
        #expect(
            machine.sweep([1: 10, 3: 30]) == [
                .turns(tree: 1, pid: 30, isForeign: true), .leaves(tree: 1, pid: 40), machine.joins(3, 40),
            ])
        // Without the upper one nothing changes for the lower one.
        #expect(machine.sweep([3: 30]) == [])
        machine.start(50, parent: 10)
        #expect(machine.sweep([4: 10, 3: 30]).contains(machine.joins(4, 30, .foreign)))
    }

    @Test("an id that is used again is another process")
    func reuse() {
        var machine = Machine()
        machine.start(10, parent: 1)
        machine.start(20, parent: 10)
        machine.start(33, parent: 1)
        _ = machine.sweep([1: 10])
        machine.start(20, parent: 1, at: 500)
        machine.start(33, parent: 10, at: 501)
        machine.forest.doubt(20)
        var changes: [Change] = []
        for _ in 0..<16 { changes += machine.sweep() }
        #expect(changes == [machine.joins(1, 33)])
        machine.start(60, parent: 20, at: 502)
        #expect(machine.sweep() == [], "the parent is none of the tree's any more")
    }

    @Test("a parent that is younger than its child is none, and loops end")
    func loops() {
        var machine = Machine()
        machine.start(10, parent: 1, at: 100)
        machine.start(20, parent: 10, at: 50)
        machine.start(30, parent: 40, at: 5)
        machine.start(40, parent: 30, at: 5)
        machine.start(50, parent: 50, at: 5)
        #expect(machine.sweep([1: 10]) == [])
        #expect(machine.sweep([1: 10, 2: 40]) == [machine.joins(2, 30)])
    }

    @Test("a chain of many processes is no problem")
    func deep() {
        var machine = Machine()
        for pid in 2...20_000 as ClosedRange<Int32> { machine.start(pid, parent: pid - 1) }
        #expect(machine.sweep([1: 2]).count == 19_998)
    }

    @Test("a root that is not there, or is another process, has no members")
    func absent() {
        var machine = Machine()
        machine.start(10, parent: 1)
        machine.start(20, parent: 10)
        let roots = [ProcessForest.Root(tree: 1, pid: 10, startTicks: 11), .init(tree: 2, pid: 99, startTicks: 0)]
        let processes = machine.processes
        #expect(machine.forest.sweep(processes.keys.sorted(), roots: roots) { processes[$0] } == [])
    }
}
