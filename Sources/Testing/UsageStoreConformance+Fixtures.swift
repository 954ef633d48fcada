public import MillraceCore
public import MillracePorts

/// What its promises, and tests of one adapter, are made of. Times are seconds since a minute's beginning.
extension UsageStoreConformance {
    /// - Parameter submitted: in seconds.
    public static func order(_ id: String, _ tasks: [String], submitted: Double = 0) throws -> NewOrder {
        try OrderStoreConformance.sample(id, tasks: tasks, at: time(submitted).microseconds)
    }

    public static func time(_ seconds: Double) -> Timestamp {
        Timestamp(microseconds: 28_000_000 * 60_000_000) + .seconds(fraction: seconds)
    }

    public static func sample(
        _ order: String, _ step: Int, _ task: String, at second: Double, seconds: Double = 1, cpu: Double? = nil,
        ram: Double? = nil, disk: Double? = nil
    ) throws -> UsageSample {
        UsageSample(
            step: StepKey(order: try OrderID(order), index: step), task: try TaskName(task), at: time(second),
            seconds: seconds, cpu: cpu, ram: ram, disk: disk)
    }

    public static func batch(
        _ samples: [UsageSample], node: String = "node", estimates: [RunEstimate] = [], offsets: [Int: Int64] = [:],
        dropped: Int = 0, at second: Double = 0
    ) -> UsageBatch {
        UsageBatch(
            node: node, samples: samples, estimates: estimates, offsets: offsets, dropped: dropped, at: time(second))
    }

    static func point(_ second: Double, _ value: Double, seconds: Double = 1) -> UsagePoint {
        UsagePoint(at: time(second), seconds: seconds, value: value)
    }

    /// Inserts an order and saves that its steps have finished, each at its second and after one second.
    @discardableResult
    public static func finish(
        _ new: NewOrder, at seconds: [Double], totals: RunTotals = RunTotals(), ends: Bool = true,
        in orders: any OrderStore
    ) async throws -> OrderProgress {
        _ = try await orders.insert([new])
        var progress = new.pending
        for (index, second) in seconds.enumerated() {
            let image = ImageReference.output(StepKey(order: progress.id, index: index), file: "picture.png")
            _ = progress.endStep(
                index,
                RunReport(
                    run: try RunID("run\(index)"), attempt: 1, outcome: .finished(output: image),
                    startedAt: time(second - 1), finishedAt: time(second), totals: totals, instance: "replica"))
        }
        if ends { _ = progress.end(.finished, at: time((seconds.last ?? 0) + 1)) }
        try await save(progress, in: orders)
        return progress
    }

    /// Saves an order and all of its steps.
    public static func save(_ progress: OrderProgress, in orders: any OrderStore) async throws {
        var changes = MonitorChanges()
        changes.orders[progress.id] = progress
        changes.steps[progress.id] = Set(progress.steps.indices.filter { progress.steps[$0].state != .pending })
        let offsets = try await orders.loadMonitor().offsets
        try await orders.saveMonitor(MonitorSave(changes: changes, tasks: [], offsets: offsets), expected: offsets)
    }
}

extension UsageStores {
    func close() async {
        await usage.close()
        await orders.close()
    }
}
