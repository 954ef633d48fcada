internal import MillraceCore
internal import MillracePorts

extension OrderStoreConformance {
    static let monitoring: [Promise<OpenOrderStore>] = [
        Promise("an order nobody has started is not the monitor's yet") { open in
            let store = try await open()
            _ = try await store.insert([sample("a")])
            let snapshot = try await store.loadMonitor()
            try expectEqual(snapshot.offsets, [:])
            try expectEqual(snapshot.tasks, [])
            try expectEqual(snapshot.orders, [])
            let id = try OrderID("a")
            let progress = try await store.progress(of: [id, OrderID("unknown")])
            try expectEqual(progress, [id: try sample("a").pending])
        },
        Promise("monitor state and offsets are saved together, and found after reopening") { open in
            let store = try await open()
            let order = try await running("a", in: store)
            let scaler = try scaler("resize", desired: 2, number: 7)
            let save = MonitorSave(
                changes: changes(order), tasks: [scaler, try bareScaler("blur")], offsets: [0: 5, 3: 9])
            try await store.saveMonitor(save, expected: [:])
            await store.close()
            let reopened = try await open()
            let snapshot = try await reopened.loadMonitor()
            try expectEqual(snapshot.offsets, [0: 5, 3: 9])
            try expectEqual(snapshot.orders, [order])
            try expectEqual(snapshot.tasks, [try bareScaler("blur"), scaler])
            try expectEqual(try await reopened.tasks(), snapshot.tasks)
            try expectEqual(try await reopened.order(order.id)?.progress, order)
        },
        Promise("each save takes the place of the one before") { open in
            let store = try await open()
            var order = try await running("a", in: store)
            try await store.saveMonitor(
                MonitorSave(changes: changes(order), tasks: [scaler("resize", desired: 2, number: 1)], offsets: [0: 1]),
                expected: [:])
            _ = order.endStep(0, try report(1, output: "picture.png"))
            let after = try bareScaler("resize")
            try await store.saveMonitor(
                MonitorSave(changes: changes(order, steps: [0]), tasks: [after], offsets: [0: 2, 1: 4]),
                expected: [0: 1])
            try await store.saveMonitor(
                MonitorSave(changes: MonitorChanges(), tasks: [], offsets: [1: 5]), expected: [0: 2, 1: 4])
            let snapshot = try await store.loadMonitor()
            try expectEqual(snapshot.offsets, [1: 5])
            try expectEqual(snapshot.tasks, [after])
            try expectEqual(snapshot.orders, [order])
        },
        Promise("a save with stale offsets is fenced and changes nothing") { open in
            let (one, other) = (try await open(), try await open())
            let order = try await running("a", in: one)
            let first = MonitorSave(changes: MonitorChanges(), tasks: [], offsets: [0: 5])
            try await one.saveMonitor(first, expected: [:])
            var save = MonitorSave(
                changes: changes(order), tasks: [try bareScaler("resize")], offsets: [0: 6])
            save.changes.decisions = [try decision("resize", 1)]
            for stale: [Int: Int64] in [[:], [0: 4], [0: 5, 1: 0], [1: 5]] {
                let error = try await failure(StoreError.self) {
                    try await other.saveMonitor(save, expected: stale)
                }
                try expectEqual(error.code, .fenced)
            }
            let snapshot = try await one.loadMonitor()
            try expectEqual(snapshot.offsets, [0: 5])
            try expectEqual(snapshot.tasks, [])
            try expectEqual(try await one.decisions(for: TaskName("resize"), limit: 9), [])
            try expectEqual(try await one.order(order.id)?.progress.state, .accepted)
            try await other.saveMonitor(save, expected: [0: 5])
            let error = try await failure(StoreError.self) { try await one.saveMonitor(save, expected: [0: 5]) }
            try expectEqual(error.code, .fenced)
        },
        Promise("an ended order stays ended") { open in
            let store = try await open()
            let running = try await running("a", in: store)
            var failed = running
            _ = failed.end(.failed(reason: "no luck"), at: Timestamp(microseconds: 90))
            try await store.saveChanges(changes(failed))
            try await store.saveChanges(changes(running))
            var finished = running
            _ = finished.end(.finished, at: Timestamp(microseconds: 99))
            try await store.saveChanges(changes(finished, steps: []))
            try expectEqual(try await store.order(failed.id)?.progress, failed)
            try expectEqual(try await store.loadMonitor().orders, [])
        },
        Promise("the end of a step comes in although its order has ended, and stands") { open in
            let store = try await open()
            var order = try await running("a", in: store)
            _ = order.end(.finished, at: Timestamp(microseconds: 90))
            try await store.saveChanges(changes(order))
            _ = order.endStep(0, try report(1, output: "picture.png"))
            try await store.saveChanges(changes(order, steps: [0]))
            try expectEqual(try await store.order(order.id)?.progress, order)
            var other = try sample("a").pending
            _ = other.startStep(0, run: try RunID("run9"), instance: "late", at: Timestamp(microseconds: 95))
            try await store.saveChanges(changes(other, steps: [0]))
            try expectEqual(try await store.order(order.id)?.progress, order)
        },
        Promise("totals that could not be read stay nil") { open in
            let store = try await open()
            var order = try await running("a", in: store)
            let partial = RunTotals(cpu: .microseconds(1_234_567), peakRAM: nil, diskRead: 0, diskWritten: nil)
            _ = order.endStep(0, try report(1, output: "picture.png", totals: partial))
            _ = order.endStep(1, try report(2, output: "picture.png", totals: RunTotals()))
            try await store.saveChanges(changes(order))
            let steps = try await store.order(order.id)?.progress.steps
            try expectEqual(steps?.map(\.totals), [partial, RunTotals()])
        },
        Promise("a save about an order that is not there saves the rest") { open in
            let store = try await open()
            var stranger = try sample("stranger").pending
            _ = stranger.start(at: Timestamp(microseconds: 1))
            let save = MonitorSave(changes: changes(stranger), tasks: [], offsets: [0: 3])
            try await store.saveMonitor(save, expected: [:])
            try expect(try await store.order(stranger.id) == nil, "an order came from nowhere")
            try expectEqual(try await store.loadMonitor().offsets, [0: 3])
        },
        Promise("decisions come the newest first, and the last thousand of each task stay") { open in
            let store = try await open()
            var changes = MonitorChanges()
            changes.decisions = try (0..<1003).map { try decision("resize", $0) } + [decision("blur", 1)]
            try await store.saveChanges(changes)
            changes.decisions = [try decision("resize", 1003)]
            try await store.saveChanges(changes)
            let resize = try await store.decisions(for: TaskName("resize"), limit: 5000)
            try expectEqual(resize, try (4...1003).reversed().map { try decision("resize", $0) })
            try expectEqual(try await store.decisions(for: TaskName("resize"), limit: 1), [resize[0]])
            try expectEqual(try await store.decisions(for: TaskName("blur"), limit: 9), [decision("blur", 1)])
            try expectEqual(try await store.decisions(for: TaskName("edges"), limit: 9), [])
        },
    ]
}

// MARK: - Fixtures

extension OrderStoreConformance {
    /// Inserts an order and returns its progress with the first step running; that is not saved.
    private static func running(_ id: String, in store: any OrderStore) async throws -> OrderProgress {
        let new = try sample(id)
        _ = try await store.insert([new])
        var progress = new.pending
        _ = progress.startStep(0, run: try RunID("run1"), instance: "resize-1", at: Timestamp(microseconds: 50))
        return progress
    }

    private static func changes(_ order: OrderProgress, steps: Set<Int>? = nil) -> MonitorChanges {
        var changes = MonitorChanges()
        changes.orders[order.id] = order
        changes.steps[order.id] = steps ?? Set(order.steps.indices.filter { order.steps[$0].state != .pending })
        return changes
    }

    private static func report(
        _ run: Int, output: String,
        totals: RunTotals = RunTotals(cpu: .milliseconds(5), peakRAM: 1 << 33, diskRead: 1, diskWritten: 2)
    ) throws -> RunReport {
        RunReport(
            run: try RunID("run\(run)"), attempt: 2,
            outcome: .finished(output: .output(StepKey(order: try OrderID("a"), index: run), file: output)),
            startedAt: Timestamp(microseconds: 50), finishedAt: Timestamp(microseconds: 60), totals: totals,
            instance: "replica")
    }

    private static func decision(_ task: String, _ number: Int) throws -> ScalingDecision {
        ScalingDecision(
            task: try TaskName(task), from: number, to: number + 1, reason: "reason \(number)",
            at: Timestamp(microseconds: Int64(number)))
    }

    private static func bareScaler(_ task: String) throws -> KeptScaler {
        KeptScaler(task: try TaskName(task), demand: Demand(), desired: 0, number: 0)
    }

    private static func scaler(_ task: String, desired: Int, number: Int) throws -> KeptScaler {
        KeptScaler(
            task: try TaskName(task), demand: Demand(running: 3, upcoming: 4), desired: desired, number: number,
            idleSince: Timestamp(microseconds: 77), lastDecision: try decision(task, number),
            instance: InstanceReport(
                task: try TaskName(task), current: nil, desired: 1, number: number - 1, partitions: 4,
                problem: "the fleet is away"))
    }
}

extension OrderStore {
    /// Saves changes at the offsets that are there.
    fileprivate func saveChanges(_ changes: MonitorChanges) async throws {
        let offsets = try await loadMonitor().offsets
        try await saveMonitor(MonitorSave(changes: changes, tasks: [], offsets: offsets), expected: offsets)
    }
}
