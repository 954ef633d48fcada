import Logging
import MillraceCore
import MillracePorts
import MillraceTesting
import MonitorResources
import ServiceLifecycle
import Synchronization
import Testing

/// A node with its monitor: a bus, a store, a source that ticks when it is told to, and a clock.
private struct MeteredNode: Sendable {
    let bus = InMemoryBus()
    let orders = InMemoryOrderStore()
    let usage: InMemoryUsageStore
    let next = NextReading()
    let source: InMemoryUsageSource
    let clock: NodeClock
    let outbox: Outbox
    let target = MeteringTarget(node: "n", kind: .process(pid: 7, startTicks: 70))

    init() async throws {
        usage = InMemoryUsageStore(orders: orders)
        source = InMemoryUsageSource { [next] _, _ in next.value }
        clock = NodeClock()
        for topic in [Topic.orchestrator, Topic.system, Topic.resource, Topic.deadLetter] {
            try await bus.createTopic(topic, partitions: 1, retention: .seconds(600))
        }
        outbox = try await Outbox(bus: bus)
        _ = try await orders.insert([
            NewOrder(
                order: Order(
                    id: try OrderID("a"),
                    image: try ImageReference(parsing: "sha256:" + String(repeating: "0", count: 64)),
                    tasks: [TaskCall(try TaskName("work"))]), contentHash: "h", submittedAt: clock.now)
        ])
    }

    /// Runs a monitor beside `body`; then it stops gracefully.
    func monitor(
        sampleLimit: Int = 1000, _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let service = MonitorResourcesService(
            settings: MonitorResourcesSettings(
                node: "n", sampleLimit: sampleLimit, now: { [clock] in clock.now }, uptime: { [clock] in clock.uptime },
                // Nobody waits here: time is what the clock says.
                sleep: { if $0 > .seconds(5) { await untilCancelled() } else { await Task.yield() } }
            ),
            bus: bus, store: usage, source: source, logger: logger)
        let group = ServiceGroup(configuration: .init(services: [service], logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            do { try await body() } catch {
                tasks.cancelAll()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    func send(_ message: ResourceMessage) async throws {
        try await bus.publish([outbox.record(message, node: "n", trace: nil)])
    }

    func start(_ run: String = "r1", cpu: Duration = .zero) async throws {
        try await send(
            .start(
                .init(
                    step: StepKey(order: try OrderID("a"), index: 0), task: try TaskName("work"), run: try RunID(run),
                    target: target, at: clock.now, uptime: clock.uptime,
                    counters: UsageCounters(cpu: cpu, diskRead: 0, diskWritten: 0))))
        try await eventually("the run to be read") { source.targets.contains(target) }
    }

    func halt(_ run: String = "r1", _ totals: RunTotals) async throws {
        try await send(
            .halt(
                .init(
                    step: StepKey(order: try OrderID("a"), index: 0), run: try RunID(run), totals: totals, at: clock.now
                )))
    }

    /// A second passes.
    func tick(cpu: Duration, ram: Int = 100) async {
        clock.pass(.seconds(1))
        let counters = UsageCounters(cpu: cpu, ram: ram, diskRead: 0, diskWritten: 0)
        next.value = .success(UsageReading(counters, uptime: clock.uptime))
        await source.tick()
    }

    /// A second passes, and nothing can be read.
    func tick(failing code: UsageSourceError.Code) async {
        clock.pass(.seconds(1))
        next.value = .failure(UsageSourceError(code, "why"))
        await source.tick()
    }

    func cpu() async throws -> [Double] {
        try await usage.usage(of: OrderID("a")).first { $0.resource == .cpu }?.points.map(\.value) ?? []
    }

    func expectCPU(_ values: [Double]) async throws {
        try await eventually("samples \(values)") { try await cpu() == values }
    }
}

private final class NodeClock: Sendable {
    private let state = Mutex((now: Timestamp(microseconds: 1_700_000_000_000_000), uptime: Int64(1_000_000_000)))

    var now: Timestamp { state.withLock { $0.now } }
    var uptime: Int64 { state.withLock { $0.uptime } }

    func pass(_ duration: Duration) {
        state.withLock { state in
            state.now = state.now + duration
            state.uptime += duration.microseconds
        }
    }

    func jump(_ duration: Duration) { state.withLock { $0.now = $0.now + duration } }
}

private func untilCancelled() async {
    let (nothing, end) = AsyncStream.makeStream(of: Void.self)
    for await _ in nothing {}
    end.finish()
}

/// What the next reading says.
private final class NextReading: Sendable {
    private let state = Mutex(Result<UsageReading, UsageSourceError>.failure(UsageSourceError(.unavailable, "not yet")))

    var value: Result<UsageReading, UsageSourceError> {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}

@Suite(.timeLimit(.minutes(1))) struct MonitorResourcesTests {
    @Test("samples of a run come to the store, and the last one with its HALT")
    func flow() async throws {
        let node = try await MeteredNode()
        try await node.monitor {
            try await node.start()
            await node.tick(cpu: .milliseconds(500))
            await node.tick(cpu: .milliseconds(1500))
            try await node.expectCPU([0.5])
            node.clock.pass(.milliseconds(500))
            try await node.halt("r1", RunTotals(cpu: .milliseconds(1750), running: .milliseconds(2500)))
            try await node.expectCPU([0.5, 1, 0.5])
        }
    }

    @Test("what is held back and what was not read yet is saved when the service stops")
    func stop() async throws {
        let node = try await MeteredNode()
        try await node.monitor {
            try await node.start()
            await node.tick(cpu: .milliseconds(500))
            node.clock.pass(.milliseconds(100))
            try await node.halt("r1", RunTotals(cpu: .milliseconds(550), running: .milliseconds(1100)))
        }
        #expect(try await node.cpu() == [0.5, 0.5])
    }

    @Test("a monitor that is started again finds the runs that are under way, and samples nothing twice")
    func restart() async throws {
        let node = try await MeteredNode()
        try await node.monitor {
            try await node.start()
            await node.tick(cpu: .seconds(1))
            await node.tick(cpu: .seconds(2))
            try await node.expectCPU([1])
        }
        #expect(try await node.cpu() == [1, 1])
        #expect(try await node.usage.resourceOffsets(node: "n") == [0: 0])
        node.clock.pass(.seconds(30))
        try await node.monitor {
            try await eventually("the run to be found") { node.source.targets == [node.target] }
            await node.tick(cpu: .seconds(20))
            await node.tick(cpu: .milliseconds(20_250))
            try await node.halt("r1", RunTotals(cpu: .milliseconds(20_250), running: .seconds(34)))
            try await node.expectCPU([1, 1, 0.25])
            try await eventually("the offset to move on") {
                await node.tick(cpu: .zero)
                return try await node.usage.resourceOffsets(node: "n") == [0: 2]
            }
        }
    }

    @Test("a store that is away costs the oldest samples beyond the limit, which are counted")
    func away() async throws {
        let node = try await MeteredNode()
        try await node.monitor(sampleLimit: 5) {
            try await node.start()
            node.usage.failure = StoreError(.unavailable, "anything")
            for second in 1...21 { await node.tick(cpu: .seconds(second)) }
            node.usage.failure = nil
            await node.tick(cpu: .seconds(22))
            try await eventually("the drops to be counted") {
                try await node.usage.drops(limit: 100).reduce(0) { $0 + $1.samples } >= 15
            }
        }
        let kept = try await node.cpu().count
        let dropped = try await node.usage.drops(limit: 100).reduce(0) { $0 + $1.samples }
        #expect(kept + dropped == 22)
        #expect(kept >= 5)
    }

    @Test("a slow store gets whole batches, and holds up nobody who ticks")
    func slow() async throws {
        let node = try await MeteredNode()
        try await node.monitor {
            try await node.start()
            node.usage.holdsSaves = true
            for second in 1...50 { await node.tick(cpu: .seconds(second)) }
            node.usage.holdsSaves = false
            await node.tick(cpu: .seconds(51))
            try await node.expectCPU(Array(repeating: 1, count: 50))
        }
        #expect(try await node.usage.drops(limit: 10).isEmpty)
    }

    @Test("a target that cannot be read is a reason, not a crash; others go on")
    func unreadable() async throws {
        let node = try await MeteredNode()
        try await node.monitor {
            try await node.start()
            for code in [UsageSourceError.Code.denied, .unavailable, .gone] {
                await node.tick(failing: code)
            }
            await node.tick(cpu: .seconds(1))
            await node.tick(cpu: .seconds(2))
            // Since the start, over the readings that failed.
            try await node.expectCPU([0.25])
        }
    }

    @Test("a record that is no message goes to the dead letters, and its order fails with it")
    func poison() async throws {
        let node = try await MeteredNode()
        try await node.monitor {
            try await node.bus.publish([
                OutgoingRecord(
                    topic: Topic.resource, partition: 0, key: "START", value: Array(#"{"v":1,"order":"a"}"#.utf8))
            ])
            try await eventually("the dead letter") {
                try await node.bus.describe(topic: Topic.deadLetter).partitions[0].end == 1
            }
            #expect(try await node.bus.describe(topic: Topic.system).partitions[0].end == 1)
            try await node.start()
        }
    }

    @Test("STARTs of other nodes are not this one's")
    func otherNodes() async throws {
        let node = try await MeteredNode()
        try await node.monitor {
            try await node.send(
                .start(
                    .init(
                        step: StepKey(order: try OrderID("a"), index: 0), task: try TaskName("work"),
                        run: try RunID("r9"), target: MeteringTarget(node: "m", kind: .pod(uid: "u")),
                        at: node.clock.now)))
            try await node.start()
            #expect(node.source.targets == [node.target])
        }
    }

    @Test("ten thousand STARTs at once are taken, and what ended is let go")
    func flood() async throws {
        let node = try await MeteredNode()
        let (outbox, clock) = (node.outbox, node.clock)
        try await node.monitor {
            let records = try (0..<10_000).flatMap { number in
                let step = StepKey(order: try OrderID("o\(number)"), index: 0)
                let start = ResourceMessage.start(
                    .init(
                        step: step, task: try TaskName("work"), run: try RunID("r\(number)"),
                        target: MeteringTarget(node: "n", kind: .process(pid: number, startTicks: 1)), at: clock.now,
                        uptime: clock.uptime))
                let halt = ResourceMessage.halt(
                    .init(step: step, run: try RunID("r\(number)"), totals: RunTotals(running: .zero), at: clock.now))
                return [outbox.record(start, node: "n", trace: nil)]
                    + (number % 10 == 0 ? [] : [outbox.record(halt, node: "n", trace: nil)])
            }
            try await node.bus.publish(records)
            try await eventually("those that run to be left") { node.source.targets.count == 1000 }
        }
    }

    @Test("a bus that was made anew is read from its beginning")
    func newBus() async throws {
        let node = try await MeteredNode()
        try await node.usage.save(UsageBatch(node: "n", offsets: [0: 4711], at: node.clock.now))
        try await node.monitor { try await node.start() }
        #expect(try await node.usage.resourceOffsets(node: "n") == [0: 0])
    }
}
