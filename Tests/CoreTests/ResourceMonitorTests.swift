import MillraceCore
import MillraceTesting
import Testing

/// A node whose clock and counters a test moves.
private struct Node {
    var monitor = ResourceMonitor(period: .seconds(1))
    var uptime: Int64 = 1_000_000_000
    var now = Timestamp(microseconds: 1_700_000_000_000_000)
    var offset: Int64 = 0
    let target = MeteringTarget(node: "n", kind: .process(pid: 7, startTicks: 70))
    var counters = UsageCounters(cpu: .seconds(10), ram: 1000, diskRead: 500, diskWritten: 600)

    mutating func pass(_ duration: Duration, cpu: Duration = .zero, read: Int = 0, ram: Int? = nil) {
        uptime += duration.microseconds
        now = now + duration
        counters.cpu = counters.cpu.map { $0 + cpu }
        counters.diskRead = counters.diskRead.map { $0 + read }
        if let ram { counters.ram = ram }
    }

    mutating func start(_ run: RunID, order: String = "a", target: MeteringTarget? = nil) throws {
        offset += 1
        monitor.apply(
            .start(
                .init(
                    step: StepKey(order: try OrderID(order), index: 0), task: try TaskName("work"), run: run,
                    target: target ?? self.target, at: now, uptime: uptime,
                    counters: UsageCounters(
                        cpu: counters.cpu, diskRead: counters.diskRead, diskWritten: counters.diskWritten))),
            at: RecordPlace(partition: 0, offset: offset), uptime: uptime, now: now)
    }

    mutating func halt(_ run: RunID, order: String = "a", _ totals: RunTotals) throws {
        offset += 1
        monitor.apply(
            .halt(.init(step: StepKey(order: try OrderID(order), index: 0), run: run, totals: totals, at: now)),
            at: RecordPlace(partition: 0, offset: offset), uptime: uptime, now: now)
    }

    mutating func tick() { monitor.record(UsageReading(counters, uptime: uptime), of: target) }

    mutating func samples() -> [UsageSample] { monitor.takeSamples().samples }
}

@Suite struct ResourceMonitorTests {
    @Test("a run's samples are rates between its readings, and add up to its totals")
    func integral() throws {
        var node = Node()
        let run = try RunID("r1")
        try node.start(run)
        node.pass(.milliseconds(700), cpu: .milliseconds(350), read: 700, ram: 2000)
        node.tick()
        node.pass(.seconds(1), cpu: .milliseconds(900), read: 4000, ram: 3000)
        node.tick()
        node.pass(.milliseconds(250), cpu: .milliseconds(100))
        try node.halt(
            run,
            RunTotals(
                cpu: .milliseconds(1350), peakRAM: 3500, diskRead: 4700, diskWritten: 0,
                running: .milliseconds(1950)))
        let samples = node.samples()
        #expect(samples.map(\.seconds) == [0.7, 1, 0.25])
        #expect(samples.map(\.cpu) == [0.5, 0.9, 0.4])
        #expect(samples.map(\.ram) == [2000, 3000, nil])
        #expect(samples.map(\.disk) == [1000, 4000, 0])
        let cpu = samples.reduce(0) { $0 + ($1.cpu ?? 0) * $1.seconds }
        #expect(abs(cpu - 1.35) < 1e-9)
        #expect(node.monitor.count == 0)
        #expect(samples.last?.at == Timestamp(microseconds: 1_700_000_000_000_000) + .milliseconds(1950))
    }

    @Test("an interval of a few milliseconds at a run's start or end is joined to its neighbour")
    func shortEnds() throws {
        var node = Node()
        let run = try RunID("r1")
        try node.start(run)
        node.pass(.milliseconds(3), cpu: .milliseconds(3))
        node.tick()
        node.pass(.milliseconds(997), cpu: .milliseconds(497), ram: 2000)
        node.tick()
        node.pass(.seconds(1), cpu: .milliseconds(500), ram: 3000)
        node.tick()
        node.pass(.milliseconds(5), cpu: .milliseconds(5))
        try node.halt(run, RunTotals(cpu: .milliseconds(1005), peakRAM: 3500, running: .milliseconds(2005)))
        let samples = node.samples()
        #expect(samples.map(\.seconds) == [1, 1.005])
        #expect(samples.map(\.ram) == [2000, 3000])
        #expect(abs(samples.reduce(0) { $0 + ($1.cpu ?? 0) * $1.seconds } - 1.005) < 1e-9)
    }

    @Test("a reading that came after the run's end is not the run's")
    func lateReading() throws {
        var node = Node()
        let run = try RunID("r1")
        try node.start(run)
        node.pass(.seconds(1), cpu: .seconds(1))
        node.tick()
        #expect(node.samples().isEmpty, "the newest sample is held back")
        node.pass(.seconds(1), cpu: .seconds(5))
        node.tick()
        // It had ended 400 ms before that reading.
        try node.halt(run, RunTotals(cpu: .milliseconds(1300), peakRAM: 1, running: .milliseconds(1600)))
        let samples = node.samples()
        #expect(samples.map(\.seconds) == [1, 0.6])
        #expect(samples.map(\.cpu) == [1, 0.5])
    }

    @Test("a HALT that comes some ticks late leaves nothing of the next run in the samples")
    func lateHalt() throws {
        var node = Node()
        node.monitor = ResourceMonitor(period: .milliseconds(100))
        let run = try RunID("r1")
        try node.start(run)
        for _ in 0..<8 {
            node.pass(.milliseconds(100), cpu: .milliseconds(100))
            node.tick()
        }
        // It had ended after 350 ms.
        try node.halt(run, RunTotals(cpu: .milliseconds(350), peakRAM: 1, running: .milliseconds(350)))
        let samples = node.samples()
        #expect(samples.count == 4)
        #expect(abs(samples.reduce(0) { $0 + ($1.cpu ?? 0) * $1.seconds } - 0.35) < 1e-9)
        #expect(abs(samples.reduce(0) { $0 + $1.seconds } - 0.35) < 1e-9)
    }

    @Test("what was read after the next START is not in the estimate of the run before")
    func supersededLate() throws {
        var node = Node()
        try node.start(try RunID("r1"))
        node.pass(.seconds(1), cpu: .seconds(1))
        node.tick()
        let next = (uptime: node.uptime + 100_000, now: node.now + .milliseconds(100))
        node.pass(.seconds(1), cpu: .seconds(1))
        node.tick()
        // It had started 900 ms before that.
        (node.uptime, node.now) = next
        try node.start(try RunID("r2"))
        let (samples, estimates) = node.monitor.takeSamples()
        #expect(samples.map(\.cpu) == [1])
        #expect(estimates.map(\.totals.cpu) == [.seconds(1)])
    }

    @Test("a run between two ticks is one sample, with its peak; one under 10 ms is none")
    func short() throws {
        var node = Node()
        try node.start(try RunID("r1"))
        node.pass(.milliseconds(100), cpu: .milliseconds(50))
        try node.halt(
            try RunID("r1"),
            RunTotals(cpu: .milliseconds(50), peakRAM: 77, diskRead: 0, diskWritten: 10, running: .milliseconds(100)))
        #expect(
            node.samples() == [
                UsageSample(
                    step: StepKey(order: try OrderID("a"), index: 0), task: try TaskName("work"), at: node.now,
                    seconds: 0.1, cpu: 0.5, ram: 77, disk: 100)
            ])
        try node.start(try RunID("r2"))
        node.pass(.milliseconds(5))
        try node.halt(try RunID("r2"), RunTotals(cpu: .milliseconds(5), running: .milliseconds(5)))
        #expect(node.samples().isEmpty)
    }

    @Test("what could not be read is a gap, and so is a counter that fell")
    func gaps() throws {
        var node = Node()
        try node.start(try RunID("r1"))
        node.counters.diskRead = nil
        node.pass(.seconds(1), cpu: .seconds(1))
        node.tick()
        node.counters.cpu = .zero
        node.pass(.seconds(1))
        node.tick()
        node.pass(.seconds(1), cpu: .seconds(1))
        node.tick()
        node.pass(.seconds(1), cpu: .seconds(1))
        node.tick()
        let samples = node.samples()
        #expect(samples.map(\.cpu) == [1, nil, 1])
        #expect(samples.allSatisfy { $0.disk == nil })
    }

    @Test("duplicates of START and HALT change nothing")
    func duplicates() throws {
        var node = Node()
        let run = try RunID("r1")
        let totals = RunTotals(cpu: .seconds(1), running: .seconds(1))
        try node.start(run)
        node.pass(.seconds(1), cpu: .seconds(1))
        try node.halt(run, totals)
        #expect(node.samples().count == 1)
        try node.halt(run, totals)
        try node.start(run)
        try node.halt(run, totals)
        #expect(node.samples().isEmpty)
        #expect(node.monitor.count == 0)
    }

    @Test("the next START of a target ends the run before, whose HALT never came: its totals are an estimate")
    func superseded() throws {
        var node = Node()
        try node.start(try RunID("r1"))
        node.pass(.seconds(1), cpu: .milliseconds(800), ram: 5000)
        node.tick()
        node.pass(.seconds(1), cpu: .milliseconds(400), ram: 4000)
        node.tick()
        node.pass(.milliseconds(100))
        try node.start(try RunID("r2"), order: "b")
        let (samples, estimates) = node.monitor.takeSamples()
        #expect(samples.map(\.cpu) == [0.8, 0.4])
        #expect(estimates.map(\.run.text) == ["r1"])
        #expect(estimates.first?.totals.cpu == .milliseconds(1200))
        #expect(estimates.first?.totals.peakRAM == 5000)
        #expect(node.monitor.count == 1)
    }

    @Test("a target that vanished may still send its HALT for a while; then its run is estimated")
    func vanished() throws {
        var node = Node()
        try node.start(try RunID("r1"))
        node.pass(.seconds(1), cpu: .seconds(1))
        node.tick()
        node.pass(.seconds(1))
        let news = node.monitor.failed(node.target, isGone: true, uptime: node.uptime)
        #expect(news == StepKey(order: try OrderID("a"), index: 0))
        #expect(node.monitor.failed(node.target, isGone: true, uptime: node.uptime) == nil, "it is told once")
        #expect(node.monitor.count == 1)
        node.pass(.seconds(11))
        _ = node.monitor.failed(node.target, isGone: true, uptime: node.uptime)
        #expect(node.monitor.count == 0)
        let (samples, estimates) = node.monitor.takeSamples()
        #expect(samples.count == 1)
        #expect(estimates.first?.totals.cpu == .seconds(1))
        // A late HALT finds nothing to end.
        try node.halt(try RunID("r1"), RunTotals(cpu: .seconds(1), running: .seconds(1)))
        #expect(node.samples().isEmpty)
    }

    @Test("a clock that jumps by an hour, forth or back, changes no interval and no order of samples")
    func clockJumps() throws {
        var node = Node()
        try node.start(try RunID("r1"))
        for jump in [Duration.seconds(3600), .seconds(-7200), .seconds(3600)] {
            node.pass(.seconds(1), cpu: .milliseconds(500))
            node.tick()
            node.now = node.now + jump
        }
        node.pass(.seconds(1), cpu: .milliseconds(500))
        try node.halt(try RunID("r1"), RunTotals(cpu: .seconds(2), running: .seconds(4)))
        let samples = node.samples()
        #expect(samples.map(\.seconds) == [1, 1, 1, 1])
        #expect(samples.map(\.cpu) == [0.5, 0.5, 0.5, 0.5])
        #expect(samples.map { $0.at.microseconds } == samples.map { $0.at.microseconds }.sorted())
    }

    @Test("after a restart a run is picked up where it is: no sample covers what an earlier monitor has sampled")
    func restart() throws {
        var node = Node()
        try node.start(try RunID("r1"))
        node.pass(.seconds(30), cpu: .seconds(15))
        let place = try #require(node.monitor.oldestPlaces[0])
        #expect(place == 1)
        // The START again, read by a new monitor, half a minute later.
        var next = Node()
        next.monitor = ResourceMonitor(period: .seconds(1), since: node.uptime)
        let (target, started) = (node.target, node.now + .seconds(-30))
        let start = ResourceMessage.RunStart(
            step: StepKey(order: try OrderID("a"), index: 0), task: try TaskName("work"), run: try RunID("r1"),
            target: target, at: started, uptime: node.uptime - 30_000_000,
            counters: UsageCounters(cpu: .seconds(10), diskRead: 500, diskWritten: 600))
        next.counters = node.counters
        (next.uptime, next.now) = (node.uptime, node.now)
        next.monitor.apply(
            .start(start), at: RecordPlace(partition: 0, offset: 1), uptime: next.uptime, now: next.now)
        next.tick()
        next.pass(.seconds(1), cpu: .milliseconds(250))
        next.tick()
        next.pass(.milliseconds(500), cpu: .milliseconds(125))
        try next.halt(
            try RunID("r1"), RunTotals(cpu: .milliseconds(15_375), running: .milliseconds(31_500)))
        let samples = next.samples()
        #expect(samples.map(\.cpu) == [0.25, 0.25])
        #expect(samples.map(\.seconds) == [1, 0.5])
    }

    @Test("ten thousand STARTs, each with a HALT or not, leave only what runs")
    func many() throws {
        var node = Node()
        for number in 0..<10_000 {
            let target = MeteringTarget(node: "n", kind: .process(pid: number, startTicks: number))
            try node.start(try RunID("r\(number)"), order: "o\(number)", target: target)
            if number % 2 == 0 {
                try node.halt(try RunID("r\(number)"), order: "o\(number)", RunTotals(running: .zero))
            }
        }
        #expect(node.monitor.count == 5000)
        #expect(node.monitor.targets.count == 5000)
        #expect(node.samples().isEmpty)
    }

    @Test("more runs than the limit are refused and counted")
    func limit() throws {
        var node = Node()
        for number in 0..<ResourceMonitor.runLimit + 3 {
            let target = MeteringTarget(node: "n", kind: .process(pid: number, startTicks: 0))
            try node.start(try RunID("r\(number)"), target: target)
        }
        #expect(node.monitor.count == ResourceMonitor.runLimit)
        #expect(node.monitor.refused == 3)
    }

    @Test("a worker's commands are watched anew with each run: what ended with the last one is not the next one's")
    func commands() throws {
        var node = Node()
        let target = MeteringTarget(node: "n", kind: .children(ofPID: 7, startTicks: 70))
        try node.start(try RunID("r1"), target: target)
        let first = node.monitor.targets
        node.pass(.seconds(1))
        node.monitor.record(UsageReading(UsageCounters(cpu: .seconds(11)), uptime: node.uptime), of: target)
        #expect(node.monitor.count == 1)
        node.monitor.record(UsageReading(UsageCounters(cpu: .seconds(11)), uptime: node.uptime), of: first[0])
        node.pass(.seconds(1))
        try node.start(try RunID("r2"), target: target)
        #expect(node.monitor.count == 1)
        #expect(node.monitor.targets != first)
        #expect(node.samples().map(\.cpu) == [1])
    }

    @Test("what is held back is given out when the service stops")
    func stop() throws {
        var node = Node()
        try node.start(try RunID("r1"))
        node.pass(.seconds(1), cpu: .seconds(1))
        node.tick()
        node.monitor.stop()
        #expect(node.samples().map(\.cpu) == [1])
    }
}
