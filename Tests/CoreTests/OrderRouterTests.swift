import MillraceCore
import MillraceTesting
import Testing

/// A strict world around the router: topics as arrays, workers that own partitions, crashes at any moment.
private struct RouterWorld {
    var generator: SeededGenerator
    var router: OrderRouter
    let task: TaskName
    /// The orchestrator topic: one partition.
    var topic: [OrchestratorMessage] = []
    var committed = 0
    var read = 0
    /// The task topic: records by partition, and how far each is committed.
    var records: [[StepMessage]]
    var done: [Int]
    var unacknowledged: [RecordPlace] = []
    /// How often each step was sent while it had neither ended nor been lost.
    var started: Set<OrderID> = []
    var ended: Set<OrderID> = []

    init(seed: UInt64, partitions: Int) throws {
        generator = SeededGenerator(seed: seed)
        task = try TaskName("t")
        router = OrderRouter(partitions: [task: partitions])
        records = Array(repeating: [], count: partitions)
        done = Array(repeating: 0, count: partitions)
        _ = router.begin()
    }

    func isOutstanding(_ key: StepKey) -> Bool {
        records.indices.contains { partition in records[partition][done[partition]...].contains { $0.key == key } }
    }

    mutating func perform(_ actions: [OrderRouter.Action]) throws {
        for action in actions {
            switch action {
            case .announce(let order, _): started.insert(order.id)
            case .send(let message, let partition, _, let place):
                try expect(!isOutstanding(message.key), "\(message.key) is sent while it is outstanding")
                records[partition].append(message)
                unacknowledged.append(place)
            case .scale: throw Broken("nobody asked to scale")
            }
        }
    }

    mutating func readOne() throws {
        guard read < topic.count else { return }
        let message = topic[read]
        let actions = router.take(message, at: RecordPlace(partition: 0, offset: Int64(read)))
        read += 1
        try perform(actions)
    }

    mutating func acknowledge() {
        for place in unacknowledged { router.acknowledged(place) }
        unacknowledged = []
        if let offset = router.takeCommittable()[0] { committed = Int(offset) }
    }

    /// A worker ends the oldest step of a partition: it reports, and perhaps dies before it commits.
    mutating func work() {
        let busy = records.indices.filter { done[$0] < records[$0].count }
        guard let partition = busy.randomElement(using: &generator) else { return }
        let message = records[partition][done[partition]]
        guard let run = try? RunID("r") else { return }
        let report = RunReport(
            run: run, attempt: 1, outcome: .finished(output: .output(message.key, file: "f")),
            startedAt: Timestamp(microseconds: 0), finishedAt: Timestamp(microseconds: 1), totals: RunTotals(),
            instance: "i")
        topic.append(.progress(.init(order: message.workOrder, step: message.step, report: report)))
        if message.isLast { ended.insert(message.workOrder.id) }
        if Int.random(in: 0..<8, using: &generator) > 0 { done[partition] += 1 }
    }

    /// The orchestrator dies and begins anew from what is durable.
    mutating func crash() throws {
        unacknowledged = []
        router = OrderRouter(partitions: [task: records.count])
        for partition in records.indices {
            for message in records[partition][done[partition]...] {
                router.foundOutstanding(message, partition: partition)
            }
        }
        router.found([("i", Set(records.indices))], of: task)
        read = committed
        let end = topic.count
        while read < end { try readOne() }
        try perform(router.begin())
    }
}

@Suite struct OrderRouterTests {
    @Test(
        "every order ends, whenever the orchestrator and workers die, and no step is sent while it is under way",
        arguments: 0..<60 as Range<UInt64>)
    func crashes(_ seed: UInt64) throws {
        var world = try RouterWorld(seed: seed, partitions: 3)
        let image = ImageReference.content(sha256: String(repeating: "0", count: 64))
        var orders: Set<OrderID> = []
        world.topic.append(.owner(.init(task: world.task, instance: "i", partitions: [0, 1, 2], isFree: true)))
        for round in 0..<2000 {
            switch Int.random(in: 0..<20, using: &world.generator) {
            case 0 where orders.count < 30:
                let id = try OrderID("o\(orders.count)")
                let order = Order(
                    id: id, image: image,
                    tasks: Array(repeating: TaskCall(world.task), count: Int.random(in: 1...4, using: &world.generator))
                )
                orders.insert(id)
                world.topic.append(.start(order))
                // proxy-server may publish a START again.
                if Bool.random(using: &world.generator) { world.topic.append(.start(order)) }
            case 1 where round % 7 == 0: try world.crash()
            case 2...8: try world.readOne()
            case 9...12: world.acknowledge()
            default: world.work()
            }
        }
        for _ in 0..<2000 where world.ended != orders {
            try world.readOne()
            world.acknowledge()
            world.work()
        }
        #expect(world.ended == orders, "seed \(seed)")
        #expect(world.started == orders, "seed \(seed)")
    }

    @Test("a step waits for a replica, keeps its record uncommitted, and goes when one comes")
    func waits() throws {
        let task = try TaskName("t")
        var router = OrderRouter(partitions: [task: 2])
        _ = router.begin()
        let order = Order(id: try OrderID("o"), image: .content(sha256: ""), tasks: [TaskCall(task)])
        let place = RecordPlace(partition: 0, offset: 0)
        #expect(router.take(.start(order), trace: "t1", at: place) == [.announce(order, trace: "t1")])
        #expect(router.waiting(for: task) == 1)
        #expect(router.takeCommittable().isEmpty)
        let owner = OrchestratorMessage.Ownership(task: task, instance: "i", partitions: [1], isFree: true)
        let actions = router.take(.owner(owner), at: RecordPlace(partition: 0, offset: 1))
        let message = StepMessage(order: order, step: 0, input: order.image)
        #expect(actions == [.send(message, partition: 1, trace: "t1", doing: place)])
        #expect(router.takeCommittable().isEmpty)
        router.acknowledged(place)
        #expect(router.takeCommittable() == [0: 2])
    }

    @Test("a slow step holds up no other while a replica is free; quick ones are sent ahead")
    func window() throws {
        var dispatcher = Dispatcher()
        dispatcher.own([0, 1], by: "a")
        dispatcher.own([2], by: "b")
        let keys = try (0..<4).map { StepKey(order: try OrderID("o\($0)"), index: 0) }
        let first = try #require(dispatcher.place())
        dispatcher.sent(keys[0], to: first)
        let second = try #require(dispatcher.place())
        dispatcher.sent(keys[1], to: second)
        #expect((first < 2) != (second < 2), "both went to one replica")
        #expect(dispatcher.place() == nil)
        dispatcher.ended(keys[0], after: .seconds(2))
        #expect(dispatcher.place() == first)
        #expect(dispatcher.window == 1)
        for number in 0..<200 {
            let key = StepKey(order: try OrderID("q\(number)"), index: 0)
            dispatcher.sent(key, to: 0)
            dispatcher.ended(key, after: .microseconds(100))
        }
        #expect(dispatcher.window > 100)
    }

    @Test("more than may wait here is sent to wait in its topic")
    func overflow() throws {
        let task = try TaskName("t")
        var router = OrderRouter(partitions: [task: 2], waitingLimit: 3)
        _ = router.begin()
        var sent = 0
        for number in 0..<10 {
            let order = Order(id: try OrderID("o\(number)"), image: .content(sha256: ""), tasks: [TaskCall(task)])
            let actions = router.take(.start(order), at: RecordPlace(partition: 0, offset: Int64(number)))
            sent += actions.count { if case .send = $0 { true } else { false } }
        }
        #expect(router.waiting(for: task) == 3)
        #expect(sent == 7)
    }
}
