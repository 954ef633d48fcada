internal import GRDB
internal import GRDBSQLite
internal import MillraceCore
internal import MillracePorts

/// What a node's monitor saves.
extension Database {
    /// - Returns: how many samples were of orders that are not there, and the numbers that were looked up.
    func save(_ batch: UsageBatch, _ numbers: UsageNumbers) throws -> (unknown: Int, found: UsageNumbers.Found) {
        let orders = Set(batch.samples.lazy.map(\.step.order)).union(batch.estimates.lazy.map(\.step.order))
        let tasks = Set(batch.samples.lazy.map(\.task))
        var known = numbers.look(orders: orders, tasks: tasks)
        let found = try find(orders: orders, tasks: tasks, besides: known)
        known.orders.merge(found.orders) { $1 }
        known.tasks.merge(found.tasks) { $1 }
        let unknown = try insert(batch.samples, known)
        for estimate in batch.estimates {
            guard let order = known.orders[estimate.step.order] else { continue }
            try add(estimate, order: order)
        }
        for (partition, next) in batch.offsets {
            try run(
                "INSERT OR REPLACE INTO resource_offsets (node, partition, next_offset) VALUES (?, ?, ?)",
                [batch.node, partition, next])
        }
        if batch.dropped > 0 { try addDrop(batch) }
        return (unknown, found)
    }

    /// Looks up what is not known yet. Tasks that are new get numbers, those of orders that are there.
    private func find(
        orders: Set<OrderID>, tasks: Set<TaskName>, besides known: UsageNumbers.Found
    ) throws -> UsageNumbers.Found {
        var found = UsageNumbers.Found()
        let order = try cachedStatement(sql: "SELECT id FROM orders WHERE user_id = ?")
        for id in orders where known.orders[id] == nil {
            found.orders[id] = try Int64.fetchOne(order, arguments: [id.text])
        }
        let task = try cachedStatement(sql: "SELECT id FROM tasks WHERE name = ?")
        // In order, so that a replay numbers them alike.
        for name in tasks.subtracting(known.tasks.keys).sorted() {
            try run("INSERT INTO tasks (name) VALUES (?) ON CONFLICT (name) DO NOTHING", [name.text])
            found.tasks[name] = try Int64.fetchOne(task, arguments: [name.text])
        }
        return found
    }

    /// This is the hot path: through GRDB a row's arguments would cost as much as its insertion. Nothing observes this
    /// connection, so nothing is missed by going beneath.
    /// - Returns: how many were of orders that are not known.
    private func insert(_ samples: [UsageSample], _ known: UsageNumbers.Found) throws -> Int {
        let statement = try cachedStatement(
            sql: """
                INSERT INTO resource_usage (order_id, step, resource_id, timestamp, task_id, value, seconds)
                VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
                """)
        let raw = statement.sqliteStatement
        // It may be what a failure left.
        sqlite3_reset(raw)
        var unknown = 0
        for sample in samples {
            guard let order = known.orders[sample.step.order], let task = known.tasks[sample.task] else {
                unknown += 1
                continue
            }
            sqlite3_bind_int64(raw, 1, order)
            sqlite3_bind_int64(raw, 2, Int64(sample.step.index))
            sqlite3_bind_int64(raw, 4, sample.at.microseconds)
            sqlite3_bind_int64(raw, 5, task)
            sqlite3_bind_double(raw, 7, sample.seconds)
            for resource in Resource.allCases {
                // SQLite would take what is not a number for NULL, and refuse the row and the batch.
                guard let value = sample[resource], value.isFinite, sample.seconds.isFinite else { continue }
                sqlite3_bind_int64(raw, 3, Int64(resource.rawValue))
                sqlite3_bind_double(raw, 6, value)
                let code = sqlite3_step(raw)
                guard code == SQLITE_DONE else {
                    let error = DatabaseError(resultCode: ResultCode(rawValue: code), message: lastErrorMessage)
                    sqlite3_reset(raw)
                    throw error
                }
                sqlite3_reset(raw)
            }
        }
        return unknown
    }

    /// Known totals, and what was estimated before, stay.
    private func add(_ estimate: RunEstimate, order: Int64) throws {
        let totals = estimate.totals
        try run(
            """
            INSERT INTO step_totals (order_id, step, run, \(RunTotals.columns), estimated)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT (order_id, step, run) DO NOTHING
            """,
            [
                order, estimate.step.index, estimate.run.text, totals.cpu?.inSeconds, totals.peakRAM, totals.diskRead,
                totals.diskWritten, totals.waiting?.inSeconds, totals.running?.inSeconds,
            ])
    }

    private func addDrop(_ batch: UsageBatch) throws {
        try run(
            "INSERT INTO dropped_samples (node, at, samples) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            [batch.node, batch.at.microseconds, batch.dropped])
        try run(
            """
            DELETE FROM dropped_samples
            WHERE (at, node) <= (SELECT at, node FROM dropped_samples ORDER BY at DESC, node DESC LIMIT 1 OFFSET ?)
            """, [UsageDrop.kept])
    }
}
