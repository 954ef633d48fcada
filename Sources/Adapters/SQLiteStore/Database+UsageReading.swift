internal import GRDB
internal import MillraceCore
internal import MillracePorts

extension Database {
    /// The most finished steps that are looked at for samples: they take a reader some 0.2 s, and where they have none
    /// the next ones are too old to matter.
    private static let lookLimit = 100_000

    func resourceOffsets(node: String) throws -> [Int: Int64] {
        let statement = try cachedStatement(sql: "SELECT partition, next_offset FROM resource_offsets WHERE node = ?")
        let rows = try Row.fetchCursor(statement, arguments: [node])
        var offsets: [Int: Int64] = [:]
        while let row = try rows.next() { offsets[row[0]] = row[1] }
        return offsets
    }

    func usage(of order: OrderID) throws -> [UsageSeries] {
        let find = try cachedStatement(sql: "SELECT id FROM orders WHERE user_id = ?")
        guard let number = try Int64.fetchOne(find, arguments: [order.text]) else { return [] }
        return try series(of: number, steps: 0...Int.max)
    }

    /// Sorted here: the tables have them by time, which is how they come.
    private func series(of order: Int64, steps: ClosedRange<Int>) throws -> [UsageSeries] {
        let statement = try cachedStatement(
            sql: """
                SELECT step, resource_id, timestamp, seconds, value, value, value, task_id
                FROM resource_usage WHERE order_id = ?1 AND step BETWEEN ?2 AND ?3
                UNION ALL
                SELECT step, resource_id, timestamp, seconds, value, low, high, task_id
                FROM resource_usage_minutes WHERE order_id = ?1 AND step BETWEEN ?2 AND ?3
                ORDER BY 1, 2, 3
                """)
        var series: [UsageSeries] = []
        let rows = try Row.fetchCursor(statement, arguments: [order, steps.lowerBound, steps.upperBound])
        while let row = try rows.next() {
            let step: Int = row[0]
            guard let resource = Resource(rawValue: row[1]) else {
                throw StoreError.unreadable("samples of order \(order)", "there is no resource \(row[1] as Int)")
            }
            let point = UsagePoint(
                at: Timestamp(microseconds: row[2]), seconds: row[3], value: row[4], low: row[5], high: row[6])
            if let last = series.last, last.step == step, last.resource == resource {
                series[series.count - 1].points.append(point)
            } else {
                let task = try task(numbered: row[7])
                series.append(UsageSeries(step: step, task: task, resource: resource, points: [point]))
            }
        }
        return series
    }

    private func task(numbered number: Int64) throws -> TaskName {
        let statement = try cachedStatement(sql: "SELECT name FROM tasks WHERE id = ?")
        guard let name = try String.fetchOne(statement, arguments: [number]) else {
            throw StoreError.unreadable("samples", "there is no task \(number)")
        }
        return try taskName(name)
    }

    // MARK: Of a task

    func finishedSteps(of task: TaskName, limit: Int) throws -> [FinishedStep] {
        let statement = try cachedStatement(
            sql: """
                SELECT user_id, steps.step, steps.started_at, steps.finished_at, \(RunTotals.columns)
                FROM order_steps AS steps
                JOIN orders ON orders.id = steps.order_id
                LEFT JOIN step_totals AS totals ON totals.order_id = steps.order_id AND totals.step = steps.step
                    AND totals.run = steps.run
                WHERE steps.state = 'finished' AND task_id = (SELECT id FROM tasks WHERE name = ?)
                ORDER BY steps.finished_at DESC, steps.order_id DESC, steps.step DESC LIMIT ?
                """)
        return try Row.fetchAll(statement, arguments: [task.text, max(0, limit)]).map { row in
            let finished = timestamp(row[3]) ?? Timestamp(microseconds: 0)
            return FinishedStep(
                step: try stepKey(row[0], row[1]), startedAt: timestamp(row[2]) ?? finished, finishedAt: finished,
                totals: RunTotals(row, from: 4))
        }
    }

    func usage(of task: TaskName, limit: Int, points: Int) throws -> [StepSeries] {
        guard limit > 0 else { return [] }
        let statement = try cachedStatement(
            sql: """
                SELECT user_id, steps.step, coalesce(steps.started_at, steps.finished_at, 0), steps.order_id,
                    EXISTS (
                        SELECT 1 FROM resource_usage AS usage
                        WHERE usage.order_id = steps.order_id AND usage.step = steps.step)
                    OR EXISTS (
                        SELECT 1 FROM resource_usage_minutes AS usage
                        WHERE usage.order_id = steps.order_id AND usage.step = steps.step)
                FROM order_steps AS steps
                JOIN orders ON orders.id = steps.order_id
                WHERE steps.state = 'finished' AND task_id = (SELECT id FROM tasks WHERE name = ?)
                ORDER BY steps.finished_at DESC, steps.order_id DESC, steps.step DESC LIMIT \(Self.lookLimit)
                """)
        var found: [StepSeries] = []
        // Read one by one, so that no more are looked at than it takes.
        let rows = try Row.fetchCursor(statement, arguments: [task.text])
        while found.count < limit, let row = try rows.next() {
            guard row[4] else { continue }
            let step: Int = row[1]
            found.append(
                StepSeries(
                    step: try stepKey(row[0], step), startedAt: Timestamp(microseconds: row[2]),
                    series: try series(of: row[3], steps: step...step).map { $0.downsampled(to: points) }))
        }
        return found
    }

    private func stepKey(_ order: String, _ step: Int) throws -> StepKey {
        do { return StepKey(order: try OrderID(order), index: step) } catch {
            throw StoreError.unreadable("an order's id", "\(error)")
        }
    }

    func drops(limit: Int) throws -> [UsageDrop] {
        let statement = try cachedStatement(
            sql: "SELECT node, at, samples FROM dropped_samples ORDER BY at DESC, node DESC LIMIT ?")
        return try Row.fetchAll(statement, arguments: [max(0, limit)]).map { row in
            UsageDrop(node: row[0], at: Timestamp(microseconds: row[1]), samples: row[2])
        }
    }
}
