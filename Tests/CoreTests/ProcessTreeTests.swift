import MillraceCore
import MillraceTesting
import Testing

@Suite struct ProcessTreeTests {
    private static let tick = Int64(SimulatedProcesses.tick)

    private func nanoseconds(_ counters: UsageCounters) throws -> Int64 {
        let parts = try #require(counters.cpu).components
        return parts.seconds * 1_000_000_000 + parts.attoseconds / 1_000_000_000
    }

    private func reading(
        _ parent: Int, cpu: Int64?, reaped: Int = 0, ram: Int? = 1, bytes: Int? = 0
    ) -> ProcessTree.Reading {
        ProcessTree.Reading(
            parent: parent, cpu: cpu.map { $0 * Self.tick }, reapedTicks: reaped, ram: ram,
            io: bytes.map { ProcessIO(read: $0, written: 2 * $0) })
    }

    // MARK: Simulated trees

    @Test("what was consumed is counted, whoever comes and goes", arguments: 0..<40 as Range<UInt64>)
    func consumption(_ seed: UInt64) throws {
        var machine = SimulatedProcesses(seed: seed, makesOrphans: seed % 2 == 0, losesUnseen: false)
        var tree = ProcessTree(root: 10, ticksPerSecond: 100)
        var last = UsageCounters(cpu: .zero, diskRead: 0, diskWritten: 0)
        for step in 0..<40 {
            for _ in 0..<Int.random(in: 0..<30, using: &machine.random) { machine.event() }
            let counters = machine.read(&tree, eventsBetween: false)
            #expect(try #require(counters.cpu) >= #require(last.cpu), "seed \(seed), step \(step)")
            #expect(counters.diskRead == machine.bytes, "seed \(seed), step \(step)")
            #expect(counters.diskWritten == machine.bytes, "seed \(seed), step \(step)")
            #expect(counters.ram == machine.processes.count { tree.index(of: $0.key) != nil } * 4096)
            // Each member's two counters of reaped children are told in whole ticks.
            let short = Int64(machine.cpu) - (try nanoseconds(counters))
            #expect(short >= 0, "seed \(seed), step \(step)")
            #expect(short < 2 * Self.tick * Int64(tree.count + machine.lost + 1), "seed \(seed), step \(step)")
            last = counters
        }
    }

    @Test("nothing is counted twice while processes end between the reads", arguments: 0..<40 as Range<UInt64>)
    func races(_ seed: UInt64) throws {
        var machine = SimulatedProcesses(seed: seed, makesOrphans: false, losesUnseen: false)
        var tree = ProcessTree(root: 10, ticksPerSecond: 100)
        var last: Int64 = 0
        for step in 0..<40 {
            for _ in 0..<Int.random(in: 0..<10, using: &machine.random) { machine.event() }
            let counters = machine.read(&tree, eventsBetween: true)
            let cpu = try nanoseconds(counters)
            #expect(cpu >= last, "seed \(seed), step \(step)")
            #expect(cpu <= machine.cpu, "seed \(seed), step \(step)")
            #expect(try #require(counters.diskRead) <= machine.bytes, "seed \(seed), step \(step)")
            last = cpu
        }
        _ = machine.read(&tree, eventsBetween: false)
        let counters = machine.read(&tree, eventsBetween: false)
        let short = Int64(machine.cpu) - (try nanoseconds(counters))
        #expect(short >= 0 && short < 2 * Self.tick * Int64(tree.count + 1), "seed \(seed)")
        #expect(counters.diskRead == machine.bytes, "seed \(seed)")
    }

    @Test("whatever is lost, counters never fall and never tell too much", arguments: 0..<40 as Range<UInt64>)
    func losses(_ seed: UInt64) throws {
        var machine = SimulatedProcesses(seed: seed, makesOrphans: true, losesUnseen: true)
        var tree = ProcessTree(root: 10, ticksPerSecond: 100)
        var last: (cpu: Int64, bytes: Int) = (0, 0)
        for step in 0..<40 {
            for _ in 0..<Int.random(in: 0..<20, using: &machine.random) { machine.event() }
            let counters = machine.read(&tree, eventsBetween: true)
            let now = (cpu: try nanoseconds(counters), bytes: try #require(counters.diskRead))
            #expect(now.cpu >= last.cpu && now.bytes >= last.bytes, "seed \(seed), step \(step)")
            #expect(now.cpu <= machine.all.cpu && now.bytes <= machine.all.bytes, "seed \(seed), step \(step)")
            last = now
        }
    }

    // MARK: Single cases

    @Test("a counter that one member does not tell is a gap, and only that one")
    func gaps() throws {
        var tree = ProcessTree(root: 1, ticksPerSecond: 100)
        tree.add(2, parent: 1, as: .whole)
        tree.record(reading(0, cpu: 5, bytes: 10), at: 0)
        tree.record(reading(1, cpu: 3, bytes: nil), at: 1)
        var counters = tree.total()
        #expect(try nanoseconds(counters) == 8 * Self.tick)
        #expect(counters.ram == 2)
        #expect(counters.diskRead == nil)
        #expect(counters.diskWritten == nil)
        tree.record(reading(0, cpu: 6, bytes: 10), at: 0)
        tree.record(reading(1, cpu: nil, ram: nil, bytes: 7), at: 1)
        counters = tree.total()
        #expect(counters.cpu == nil)
        #expect(counters.ram == nil)
        #expect(counters.diskRead == 17)
        tree.record(reading(0, cpu: 7, bytes: 10), at: 0)
        tree.miss(at: 1)
        #expect(tree.total() == UsageCounters())
        tree.record(reading(0, cpu: 7, bytes: 10), at: 0)
        tree.record(reading(1, cpu: 3, bytes: 7), at: 1)
        #expect(try nanoseconds(tree.total()) == 10 * Self.tick)
    }

    @Test("what a process that nobody reaps here had consumed is carried on")
    func lost() throws {
        var tree = ProcessTree(root: 1, ticksPerSecond: 100)
        tree.add(2, parent: 1, as: .whole)
        tree.record(reading(0, cpu: 5), at: 0)
        tree.record(reading(77, cpu: 30, bytes: 9), at: 1)
        _ = tree.total()
        for cpu in 5..<9 as Range<Int64> {
            tree.record(reading(0, cpu: cpu), at: 0)
            if tree.count > 1 { tree.record(nil, at: 1) }
            let counters = tree.total()
            #expect(try nanoseconds(counters) == (cpu + 30) * Self.tick)
            #expect(counters.diskRead == 9)
            #expect(counters.ram == 1)
            tree.removeEnded { _ in }
        }
    }

    @Test("another tree's process within this one counts neither while it lives nor when it is reaped here")
    func foreign() throws {
        var tree = ProcessTree(root: 1, ticksPerSecond: 100)
        tree.add(2, parent: 1, as: .foreign)
        tree.record(reading(0, cpu: 5), at: 0)
        tree.record(reading(1, cpu: 1000, ram: 50, bytes: 70), at: 1)
        var counters = tree.total()
        #expect(try nanoseconds(counters) == 5 * Self.tick)
        #expect(counters.ram == 1)
        #expect(counters.diskRead == 0)
        tree.record(reading(0, cpu: 6, reaped: 1000, bytes: 70), at: 0)
        tree.record(nil, at: 1)
        counters = tree.total()
        #expect(try nanoseconds(counters) == 6 * Self.tick)
        #expect(counters.diskRead == 0)
    }

    @Test("a member that becomes another tree's, and this one's again, moves no counter")
    func turns() throws {
        var tree = ProcessTree(root: 1, ticksPerSecond: 100)
        tree.add(2, parent: 1, as: .whole)
        func total(_ root: Int64, _ other: Int64, _ bytes: Int) throws -> Int64 {
            tree.record(reading(0, cpu: root), at: 0)
            tree.record(reading(1, cpu: other, bytes: bytes), at: 1)
            let counters = tree.total()
            #expect(counters.diskWritten == counters.diskRead.map { 2 * $0 })
            return try nanoseconds(counters) / Self.tick
        }
        #expect(try total(1, 10, 5) == 11)
        tree.setForeign(true, at: 1)
        #expect(try total(2, 500, 6) == 12)
        tree.setForeign(false, at: 1)
        #expect(try total(2, 501, 6) == 13)
        tree.remove(at: 1)
        tree.record(reading(0, cpu: 3), at: 0)
        #expect(try nanoseconds(tree.total()) == 14 * Self.tick)
    }

    @Test("a process that joins late counts from then on")
    func fromNow() throws {
        var tree = ProcessTree(root: 1, ticksPerSecond: 100)
        tree.record(reading(0, cpu: 1), at: 0)
        _ = tree.total()
        tree.add(2, parent: 1, as: .fromNow)
        for cpu in 100..<103 as Range<Int64> {
            tree.record(reading(0, cpu: 1), at: 0)
            tree.record(reading(1, cpu: cpu, bytes: Int(cpu)), at: 1)
            let counters = tree.total()
            #expect(try nanoseconds(counters) == (cpu - 99) * Self.tick)
            #expect(counters.diskRead == Int(cpu) - 100)
        }
    }

    @Test("numbers that no kernel tells trap nowhere")
    func huge() {
        var tree = ProcessTree(root: 1, ticksPerSecond: 100)
        for pid in 2..<40 {
            tree.add(pid, parent: pid - 1, as: pid % 3 == 0 ? .foreign : pid % 5 == 0 ? .fromNow : .whole)
        }
        for round in 0..<4 {
            for index in 0..<tree.count {
                let huge = ProcessTree.Reading(
                    parent: tree.count - index, cpu: .max, reapedTicks: .max, ram: 1 << 60,
                    io: ProcessIO(read: 1 << 60, written: .max))
                tree.record((index + round) % 4 == 1 ? nil : huge, at: index)
            }
            _ = tree.total()
            tree.removeEnded { _ in }
        }
    }
}
