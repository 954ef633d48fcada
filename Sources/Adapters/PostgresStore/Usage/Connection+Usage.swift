internal import MillraceCore
internal import MillracePorts

/// Reading samples. Each call sees one state of the database.
extension Connection {
    /// The most finished steps that are looked at for samples: where they have none the next ones are too old to matter.
    private static let lookLimit = 100_000
    /// So many steps' samples are asked for at once.
    private static let stepsAtOnce = 256

    func resourceOffsets(node: String) throws -> [Int: Int64] {
        try run(Statement("SELECT partition, next_offset FROM resource_offsets WHERE node = $1", node)).offsets()
    }

    func usage(of order: OrderID) throws -> [UsageSeries] {
        let condition = "order_id = (SELECT id FROM orders WHERE user_id = $1)"
        let rows = try snapshot([Self.taskNames, Statement(Self.select(condition), order.text)])
        return try series(rows[1], names(rows[0]))
    }

    private static let taskNames = Statement("SELECT id, name FROM tasks")

    /// Sorted here: the tables have them by time, which is how they come.
    private static func select(_ condition: String) -> String {
        """
        SELECT step, resource_id, timestamp, seconds, value, value AS low, value AS high, task_id
        FROM resource_usage WHERE \(condition)
        UNION ALL
        SELECT step, resource_id, timestamp, seconds, value, low, high, task_id
        FROM resource_usage_minutes WHERE \(condition)
        ORDER BY 1, 2, 3
        """
    }

    private func names(_ rows: Rows) throws -> [Int64: TaskName] {
        var names: [Int64: TaskName] = [:]
        try rows.forEach { names[try $0.value(0)] = try taskName($0.value(1)) }
        return names
    }

    private func series(_ rows: Rows, _ names: [Int64: TaskName]) throws -> [UsageSeries] {
        var series: [UsageSeries] = []
        try rows.forEach { row in
            let step: Int = try row.value(0)
            let number: Int = try row.value(1)
            guard let resource = Resource(rawValue: number) else {
                throw StoreError.unreadable("samples", "there is no resource \(number)")
            }
            let point = UsagePoint(
                at: try row.value(2), seconds: try row.value(3), value: try row.value(4), low: try row.value(5),
                high: try row.value(6))
            if let last = series.last, last.step == step, last.resource == resource {
                series[series.count - 1].points.append(point)
                return
            }
            let task: Int64 = try row.value(7)
            guard let name = names[task] else { throw StoreError.unreadable("samples", "there is no task \(task)") }
            series.append(UsageSeries(step: step, task: name, resource: resource, points: [point]))
        }
        return series
    }

    // MARK: Of a task

    func finishedSteps(of task: TaskName, limit: Int) throws -> [FinishedStep] {
        let statement = Statement(
            """
            SELECT user_id, steps.step, steps.started_at, steps.finished_at, \(RunTotals.columns)
            FROM order_steps AS steps
            JOIN orders ON orders.id = steps.order_id
            LEFT JOIN step_totals AS totals ON totals.order_id = steps.order_id AND totals.step = steps.step
                AND totals.run = steps.run
            WHERE steps.state = 'finished' AND task_id = (SELECT id FROM tasks WHERE name = $1)
            ORDER BY steps.finished_at DESC NULLS LAST, steps.order_id DESC, steps.step DESC LIMIT $2
            """, task.text, max(0, limit))
        return try run(statement).map { row in
            let finished: Timestamp = try row.optional(3) ?? Timestamp(microseconds: 0)
            return FinishedStep(
                step: try stepKey(row), startedAt: try row.optional(2) ?? finished, finishedAt: finished,
                totals: try RunTotals(row, from: 4))
        }
    }

    func usage(of task: TaskName, limit: Int, points: Int) throws -> [StepSeries] {
        guard limit > 0 else { return [] }
        let latest = Statement(
            """
            SELECT user_id, steps.step, steps.started_at, steps.finished_at, steps.order_id FROM (
                SELECT order_id, step, started_at, finished_at FROM order_steps
                WHERE state = 'finished' AND task_id = (SELECT id FROM tasks WHERE name = $1)
                ORDER BY finished_at DESC NULLS LAST, order_id DESC, step DESC LIMIT \(Self.lookLimit)
            ) AS steps JOIN orders ON orders.id = steps.order_id
            WHERE EXISTS (
                SELECT 1 FROM resource_usage AS usage WHERE usage.order_id = steps.order_id AND usage.step = steps.step)
            OR EXISTS (
                SELECT 1 FROM resource_usage_minutes AS usage
                WHERE usage.order_id = steps.order_id AND usage.step = steps.step)
            ORDER BY steps.finished_at DESC NULLS LAST, steps.order_id DESC, steps.step DESC LIMIT $2
            """, task.text, limit)
        do {
            let begin = Statement("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            let rows = try run([begin, Self.taskNames, latest])
            let names = try names(rows[1])
            let steps = try rows[2].map { row in
                let finished: Timestamp = try row.optional(3) ?? Timestamp(microseconds: 0)
                let start: Timestamp = try row.optional(2) ?? finished
                return (key: try stepKey(row), start: start, order: try row.value(4, as: Int64.self))
            }
            var found: [StepSeries] = []
            while found.count < steps.count {
                let some = steps[found.count...].prefix(Self.stepsAtOnce)
                let all = try run(
                    some.map {
                        Statement(Self.select("order_id = $1 AND step = $2"), $0.order, Int32(clamping: $0.key.index))
                    })
                for (step, rows) in zip(some, all) {
                    let series = try series(rows, names).map { $0.downsampled(to: points) }
                    found.append(StepSeries(step: step.key, startedAt: step.start, series: series))
                }
            }
            _ = try run(Statement("COMMIT"))
            return found
        } catch {
            rollBack()
            throw error
        }
    }

    /// Of a row that begins with an order's id and a step.
    private func stepKey(_ row: Row) throws -> StepKey {
        do { return StepKey(order: try OrderID(try row.value(0)), index: try row.value(1)) } catch let error
            as InvalidValue
        {
            throw StoreError.unreadable("an order's id", "\(error)")
        }
    }

    func drops(limit: Int) throws -> [UsageDrop] {
        let statement = Statement(
            "SELECT node, at, samples FROM dropped_samples ORDER BY at DESC, node DESC LIMIT $1", max(0, limit))
        return try run(statement).map { row in
            UsageDrop(node: try row.value(0), at: try row.value(1), samples: try row.value(2))
        }
    }
}
