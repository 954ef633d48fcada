internal import MillraceCore
internal import MillracePorts

/// Reading orders. Each call sees one state of the database.
extension Connection {
    private static let columns =
        "id, submitted_at, state, reason, started_at, finished_at, content, content_hash, traceparent"

    func orders(_ ids: [String]) throws -> [OrderRecord] {
        try records("user_id = ANY ($1)", ids)
    }

    func orders(state: OrderState?, limit: Int, after cursor: Int64?) throws -> [OrderRecord] {
        // The state is written out, so that PostgreSQL sees that the index, which leaves finished orders out, serves.
        let condition = state.map { "state = '\($0.rawValue)' AND " } ?? ""
        return try records(
            "id IN (SELECT id FROM orders WHERE \(condition)id < $1 ORDER BY id DESC LIMIT $2)", cursor ?? .max,
            max(0, limit), order: "DESC")
    }

    func unpublished(limit: Int) throws -> [NewOrder] {
        let statement = Statement(
            "SELECT \(Self.columns) FROM orders WHERE NOT published ORDER BY id LIMIT $1", max(0, limit))
        return try run(statement).map { row in
            NewOrder(
                order: try order(of: row), contentHash: try row.value(7), submittedAt: try row.value(1),
                traceparent: try row.optional(8))
        }
    }

    func loadMonitor() throws -> MonitorSnapshot {
        let (orders, steps) = Self.select("state = 'running'")
        let rows = try snapshot([Statement.offsets, Self.tasks, Statement(orders), Statement(steps)])
        return MonitorSnapshot(
            offsets: try rows[0].offsets(), tasks: try rows[1].map(scaler),
            orders: try records(rows[2], steps: rows[3]).map(\.progress))
    }

    private func records<each Value: Parameter>(
        _ condition: String, _ values: repeat each Value, order: String = "ASC"
    ) throws -> [OrderRecord] {
        let (orders, steps) = Self.select(condition, order: order)
        let rows = try snapshot([Statement(orders, repeat each values), Statement(steps, repeat each values)])
        return try records(rows[0], steps: rows[1])
    }

    /// Estimates are left out: whoever reads and saves a step again would make exact totals of them.
    private static func select(_ condition: String, order: String = "ASC") -> (orders: String, steps: String) {
        (
            "SELECT \(columns) FROM orders WHERE \(condition) ORDER BY id \(order)",
            """
            SELECT steps.order_id, steps.step, steps.state, attempt, steps.run, instance, steps.started_at,
                steps.finished_at, output, steps.reason, \(RunTotals.columns)
            FROM order_steps AS steps
            LEFT JOIN step_totals AS totals ON totals.order_id = steps.order_id AND totals.step = steps.step
                AND totals.run = steps.run AND NOT estimated
            WHERE steps.order_id IN (SELECT id FROM orders WHERE \(condition))
            """
        )
    }

    private func order(of row: Row) throws -> Order {
        do {
            return try Order(parsing: Array(try row.value(6, as: String.self).utf8))
        } catch let error as JSONError {
            throw StoreError.unreadable("order \(try row.value(0, as: Int64.self))", "\(error)")
        }
    }

    private func records(_ orders: Rows, steps: Rows) throws -> [OrderRecord] {
        var records: [OrderRecord] = []
        var kept: [Int64: [Int: StepProgress]] = [:]
        var tasks: [Int64: [TaskName]] = [:]
        let parsed = try orders.map { row in (number: try row.value(0, as: Int64.self), order: try order(of: row)) }
        for (number, order) in parsed { tasks[number] = order.tasks.map(\.name) }
        try steps.forEach { row in
            let number: Int64 = try row.value(0)
            let (index, step) = try self.step(row, of: number, tasks[number] ?? [])
            kept[number, default: [:]][index] = step
        }
        var next = 0
        try orders.forEach { row in
            let (number, order) = parsed[next]
            next += 1
            guard let state = OrderState(rawValue: try row.value(2)) else {
                throw StoreError.unreadable("order \(number)", "its state is none that this version knows")
            }
            // What is kept stands over the pending steps that an order begins with.
            var steps = order.tasks.map { StepProgress(task: $0.name) }
            for (index, step) in kept[number] ?? [:] { steps[index] = step }
            let progress = OrderProgress(
                id: order.id, state: state, reason: try row.optional(3), startedAt: try row.optional(4),
                finishedAt: try row.optional(5), steps: steps)
            records.append(
                OrderRecord(number: number, order: order, submittedAt: try row.value(1), progress: progress))
        }
        return records
    }

    private func step(_ row: Row, of order: Int64, _ tasks: [TaskName]) throws -> (Int, StepProgress) {
        let index: Int = try row.value(1)
        guard tasks.indices.contains(index), let state = StepState(rawValue: try row.value(2)) else {
            throw StoreError.unreadable("step \(index) of order \(order)", "it is not one of the order's")
        }
        do {
            let step = StepProgress(
                task: tasks[index], state: state, attempt: try row.value(3),
                run: try row.optional(4, as: String.self).map { try RunID($0) }, instance: try row.optional(5),
                startedAt: try row.optional(6), finishedAt: try row.optional(7),
                output: try row.optional(8, as: String.self).map { try ImageReference(parsing: $0) },
                reason: try row.optional(9), totals: try RunTotals(row, from: 10))
            return (index, step)
        } catch let error as InvalidValue {
            throw StoreError.unreadable("step \(index) of order \(order)", error.description)
        }
    }
}

extension Connection {
    private static let tasks = Statement(
        """
        SELECT name, running, upcoming, desired, number, idle_since, decided_from, decided_to, decided_reason,
            decided_at, reported_current, reported_desired, reported_number, partitions, problem
        FROM task_scaling JOIN tasks ON tasks.id = task_id ORDER BY name
        """)

    func tasks() throws -> [KeptScaler] { try run(Self.tasks).map(scaler) }

    private func scaler(_ row: Row) throws -> KeptScaler {
        let task = try taskName(row.value(0))
        // Columns that are NULL together; read one by one, so that a damaged row is no trap.
        var decision: ScalingDecision?
        if let from: Int = try row.optional(6), let to: Int = try row.optional(7),
            let reason: String = try row.optional(8), let at: Timestamp = try row.optional(9)
        {
            decision = ScalingDecision(task: task, from: from, to: to, reason: reason, at: at)
        }
        var instance: InstanceReport?
        if let desired: Int = try row.optional(11), let number: Int = try row.optional(12),
            let partitions: Int = try row.optional(13)
        {
            instance = InstanceReport(
                task: task, current: try row.optional(10), desired: desired, number: number, partitions: partitions,
                problem: try row.optional(14))
        }
        return KeptScaler(
            task: task, demand: Demand(running: try row.value(1), upcoming: try row.value(2)),
            desired: try row.value(3), number: try row.value(4), idleSince: try row.optional(5),
            lastDecision: decision, instance: instance)
    }

    func decisions(for task: TaskName, limit: Int) throws -> [ScalingDecision] {
        let statement = Statement(
            """
            SELECT from_replicas, to_replicas, reason, at FROM scaling_decisions
            WHERE task_id = (SELECT id FROM tasks WHERE name = $1) ORDER BY id DESC LIMIT $2
            """, task.text, max(0, limit))
        return try run(statement).map { row in
            ScalingDecision(
                task: task, from: try row.value(0), to: try row.value(1), reason: try row.value(2),
                at: try row.value(3))
        }
    }

    func taskName(_ text: String) throws -> TaskName {
        do { return try TaskName(text) } catch { throw StoreError.unreadable("task ‘\(text)’", "\(error)") }
    }
}
