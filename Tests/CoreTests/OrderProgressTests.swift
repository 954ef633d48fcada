import MillraceCore
import MillraceTesting
import Testing

@Suite struct OrderProgressTests {
    static func events(failing: Bool) throws -> [SystemMessage] {
        let id = try OrderID("o")
        let task = try TaskName("t")
        var events: [SystemMessage] = [.orderStarted(id, tasks: [task, task, task], at: Timestamp(microseconds: 1))]
        for index in 0..<(failing ? 2 : 3) {
            let step = StepKey(order: id, index: index)
            let run = try RunID("run\(index)")
            let fails = failing && index == 1
            let outcome: StepOutcome = fails ? .failed(reason: "broken") : .finished(output: .output(step, file: "f"))
            events.append(
                .stepStarted(
                    .init(
                        step: step, task: task, run: run, instance: "i", at: Timestamp(microseconds: Int64(10 + index)))
                ))
            let report = RunReport(
                run: run, attempt: 1, outcome: outcome, startedAt: Timestamp(microseconds: Int64(10 + index)),
                finishedAt: Timestamp(microseconds: Int64(20 + index)), totals: RunTotals(cpu: .seconds(1)),
                instance: "i")
            events.append(.stepEnded(.init(step: step, task: task, report: report)))
        }
        events.append(.orderEnded(id, failing ? .failed(reason: "broken") : .finished, at: Timestamp(microseconds: 30)))
        return events
    }

    static func apply(_ events: [SystemMessage]) throws -> OrderProgress {
        let task = try TaskName("t")
        let order = OrderProgress(id: try OrderID("o"), tasks: [task, task, task])
        var monitor = SystemMonitor(settings: [task: ScalingSettings()])
        var last = order
        for event in events {
            monitor.apply(event) { _ in last }
            if let changed = monitor.takeChanges().orders[order.id] { last = changed }
        }
        return last
    }

    @Test(
        "events in any order, and repeated, end in the same state", arguments: 0..<50 as Range<UInt64>, [false, true])
    func anyOrder(_ seed: UInt64, _ failing: Bool) throws {
        let events = try Self.events(failing: failing)
        let straight = try Self.apply(events)
        #expect(straight.state == (failing ? .failed : .finished))
        #expect(
            straight.steps.map(\.state)
                == (failing ? [.finished, .failed, .skipped] : [.finished, .finished, .finished]))
        var generator = SeededGenerator(seed: seed)
        let shuffled = (events + events.shuffled(using: &generator).prefix(4)).shuffled(using: &generator)
        let found = try Self.apply(shuffled)
        #expect(found.state == straight.state, "seed \(seed)")
        #expect(found.reason == straight.reason, "seed \(seed)")
        #expect(found.finishedAt == straight.finishedAt, "seed \(seed)")
        #expect(found.steps.map(\.state) == straight.steps.map(\.state), "seed \(seed)")
        #expect(found.steps.map(\.totals) == straight.steps.map(\.totals), "seed \(seed)")
        #expect(found.steps.map(\.finishedAt) == straight.steps.map(\.finishedAt), "seed \(seed)")
    }

    @Test("an ended order does not come back to life")
    func staysEnded() throws {
        var events = try Self.events(failing: false)
        events.append(events[0])
        events.append(.orderEnded(try OrderID("o"), .failed(reason: "late"), at: Timestamp(microseconds: 99)))
        let order = try Self.apply(events)
        #expect(order.state == .finished)
        #expect(order.reason == nil)
    }

    @Test(
        "demand counts each order once per task, and is zero in the end, whatever comes",
        arguments: 0..<30 as Range<UInt64>)
    func demand(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let names = try ["a", "b", "c"].map { try TaskName($0) }
        var monitor = SystemMonitor(settings: Dictionary(uniqueKeysWithValues: names.map { ($0, ScalingSettings()) }))
        var store: [OrderID: OrderProgress] = [:]
        var events: [SystemMessage] = []
        for number in 0..<20 {
            let id = try OrderID("o\(number)")
            let tasks = (0..<Int.random(in: 1...5, using: &generator)).map { _ in
                names.randomElement(using: &generator) ?? names[0]
            }
            store[id] = OrderProgress(id: id, tasks: tasks)
            events.append(.orderStarted(id, tasks: tasks, at: Timestamp(microseconds: 1)))
            for (index, task) in tasks.enumerated() {
                let step = StepKey(order: id, index: index)
                let report = RunReport(
                    run: try RunID("r\(index)"), attempt: 1, outcome: .finished(output: .output(step, file: "f")),
                    startedAt: Timestamp(microseconds: 2), finishedAt: Timestamp(microseconds: 3), totals: RunTotals(),
                    instance: "i")
                events.append(.stepEnded(.init(step: step, task: task, report: report)))
            }
            events.append(.orderEnded(id, .finished, at: Timestamp(microseconds: 4)))
        }
        for event in (events + events).shuffled(using: &generator) {
            monitor.apply(event) { store[$0] }
            store.merge(monitor.takeChanges().orders) { _, new in new }
            for (task, demand) in monitor.demands {
                #expect(demand.running >= 0 && demand.upcoming >= 0, "\(task), seed \(seed)")
                #expect(demand.total <= 20, "\(task), seed \(seed)")
            }
        }
        #expect(monitor.demands.values.allSatisfy { $0 == Demand() }, "seed \(seed)")
    }
}
