internal import GRDB
internal import MillraceCore
internal import MillracePorts

extension Database {
    private static let orderColumns =
        "id, submitted_at, state, reason, started_at, finished_at, content, content_hash, traceparent"

    func order(_ id: OrderID) throws -> OrderRecord? {
        let statement = try cachedStatement(sql: "SELECT \(Self.orderColumns) FROM orders WHERE user_id = ?")
        return try Row.fetchOne(statement, arguments: [id.text]).map(record)
    }

    func orders(state: OrderState?, limit: Int, after cursor: Int64?) throws -> [OrderRecord] {
        let condition: String
        switch state {
        case nil: condition = ""
        // The name is written out: only so does SQLite see that the index, which leaves finished orders out, serves.
        case .some(let state): condition = "state = '\(state.rawValue)' AND "
        }
        let hint = state == nil || state == .finished ? "" : "state <> 'finished' AND "
        let statement = try cachedStatement(
            sql: """
                SELECT \(Self.orderColumns) FROM orders WHERE \(condition)\(hint)id < ? ORDER BY id DESC LIMIT ?
                """)
        // SQLite takes a negative limit for none.
        return try Row.fetchAll(statement, arguments: [cursor ?? .max, max(0, limit)]).map(record)
    }

    func runningOrders() throws -> [OrderProgress] {
        let statement = try cachedStatement(
            sql: """
                SELECT \(Self.orderColumns) FROM orders WHERE state = 'running' AND state <> 'finished' ORDER BY id
                """)
        return try Row.fetchAll(statement).map { try record($0).progress }
    }

    func unpublished(limit: Int) throws -> [NewOrder] {
        let statement = try cachedStatement(
            sql: "SELECT \(Self.orderColumns) FROM orders WHERE published = 0 ORDER BY id LIMIT ?")
        return try Row.fetchAll(statement, arguments: [max(0, limit)]).map { row in
            NewOrder(
                order: try order(of: row), contentHash: row[7], submittedAt: Timestamp(microseconds: row[1]),
                traceparent: row[8])
        }
    }

    private func order(of row: Row) throws -> Order {
        do {
            return try Order(parsing: Array((row[6] as String).utf8))
        } catch {
            throw StoreError.unreadable("order \(row[0] as Int64)", "\(error)")
        }
    }

    private func record(_ row: Row) throws -> OrderRecord {
        let number: Int64 = row[0]
        let order = try order(of: row)
        guard let state = OrderState(rawValue: row[2]) else {
            throw StoreError.unreadable("order \(number)", "its state is ‘\(row[2] as String)’")
        }
        var steps = order.tasks.map { StepProgress(task: $0.name) }
        try readSteps(of: number, into: &steps)
        let progress = OrderProgress(
            id: order.id, state: state, reason: row[3], startedAt: timestamp(row[4]), finishedAt: timestamp(row[5]),
            steps: steps)
        return OrderRecord(
            number: number, order: order, submittedAt: Timestamp(microseconds: row[1]), progress: progress)
    }

    /// Puts what is kept over the pending steps that an order begins with. Estimates are left out: whoever reads and
    /// saves a step again would make exact totals of them.
    private func readSteps(of order: Int64, into steps: inout [StepProgress]) throws {
        let statement = try cachedStatement(
            sql: """
                SELECT steps.step, state, attempt, steps.run, instance, started_at, finished_at, output, reason,
                    \(RunTotals.columns)
                FROM order_steps AS steps
                LEFT JOIN step_totals AS totals ON totals.order_id = steps.order_id AND totals.step = steps.step
                    AND totals.run = steps.run AND NOT estimated
                WHERE steps.order_id = ?
                """)
        let rows = try Row.fetchCursor(statement, arguments: [order])
        while let row = try rows.next() {
            let index: Int = row[0]
            guard steps.indices.contains(index), let state = StepState(rawValue: row[1]) else {
                throw StoreError.unreadable("step \(index) of order \(order)", "it is not one of the order's")
            }
            do throws(InvalidValue) {
                let run: String? = row[3]
                let output: String? = row[7]
                steps[index] = StepProgress(
                    task: steps[index].task, state: state, attempt: row[2],
                    run: try run.map { (text) throws(InvalidValue) in try RunID(text) }, instance: row[4],
                    startedAt: timestamp(row[5]), finishedAt: timestamp(row[6]),
                    output: try output.map { (text) throws(InvalidValue) in try ImageReference(parsing: text) },
                    reason: row[8],
                    totals: RunTotals(row, from: 9))
            } catch {
                throw StoreError.unreadable("step \(index) of order \(order)", error.description)
            }
        }
    }
}

extension Database {
    func tasks() throws -> [KeptScaler] {
        let statement = try cachedStatement(
            sql: """
                SELECT name, running, upcoming, desired, number, idle_since, decided_from, decided_to, decided_reason,
                    decided_at, reported_current, reported_desired, reported_number, partitions, problem
                FROM task_scaling JOIN tasks ON tasks.id = task_id ORDER BY name
                """)
        return try Row.fetchAll(statement).map { row in
            let task = try taskName(row[0])
            // Columns that are NULL together; read one by one, so that a damaged row is no trap.
            var decision: ScalingDecision?
            if let from: Int = row[6], let to: Int = row[7], let reason: String = row[8], let at: Int64 = row[9] {
                decision = ScalingDecision(
                    task: task, from: from, to: to, reason: reason, at: Timestamp(microseconds: at))
            }
            var instance: InstanceReport?
            if let desired: Int = row[11], let number: Int = row[12], let partitions: Int = row[13] {
                instance = InstanceReport(
                    task: task, current: row[10], desired: desired, number: number, partitions: partitions,
                    problem: row[14])
            }
            return KeptScaler(
                task: task, demand: Demand(running: row[1], upcoming: row[2]), desired: row[3], number: row[4],
                idleSince: timestamp(row[5]), lastDecision: decision, instance: instance)
        }
    }

    func decisions(for task: TaskName, limit: Int) throws -> [ScalingDecision] {
        let statement = try cachedStatement(
            sql: """
                SELECT from_replicas, to_replicas, reason, at FROM scaling_decisions
                WHERE task_id = (SELECT id FROM tasks WHERE name = ?) ORDER BY id DESC LIMIT ?
                """)
        return try Row.fetchAll(statement, arguments: [task.text, max(0, limit)]).map { row in
            ScalingDecision(
                task: task, from: row[0], to: row[1], reason: row[2], at: Timestamp(microseconds: row[3]))
        }
    }

    func taskName(_ text: String) throws -> TaskName {
        do { return try TaskName(text) } catch { throw StoreError.unreadable("task ‘\(text)’", "\(error)") }
    }

    func timestamp(_ microseconds: Int64?) -> Timestamp? { microseconds.map(Timestamp.init(microseconds:)) }
}

extension StoreError {
    /// A row that this version did not write.
    static func unreadable(_ what: String, _ problem: String) -> StoreError {
        StoreError(.corrupt, "reading \(what)", cause: problem)
    }
}

extension RunTotals {
    /// Of step_totals, as a row has them that is read.
    static let columns =
        "cpu_seconds, peak_ram_bytes, disk_read_bytes, disk_written_bytes, waiting_seconds, running_seconds"

    /// From the ``columns`` that begin with that one.
    init(_ row: Row, from column: Int) {
        func duration(_ offset: Int) -> Duration? { (row[column + offset] as Double?).map { .seconds(fraction: $0) } }

        self.init(
            cpu: duration(0), peakRAM: row[column + 1], diskRead: row[column + 2], diskWritten: row[column + 3],
            waiting: duration(4), running: duration(5))
    }
}
