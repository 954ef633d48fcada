internal import GRDB
internal import GRDBSQLite
internal import MillraceCore
internal import MillracePorts

/// What a node's monitor saves.
extension Database {
    /// - Returns: how many samples were of orders that are not there, and the numbers that were looked up.
    func save(_ batch: UsageBatch, _ numbers: UsageNumbers) throws -> (unknown: Int, found: UsageNumbers.Found) {
        var known = UsageNumbers.Found()
        var found = UsageNumbers.Found()
        let orders = Set(batch.samples.lazy.map(\.step.order)).union(batch.estimates.lazy.map(\.step.order))
        known.orders = numbers.look(orders: orders)
        found.orders = try find(orders.subtracting(known.orders.keys))
        known.orders.merge(found.orders) { $1 }
        let tasks = Set(batch.samples.lazy.filter { known.orders[$0.step.order] != nil }.map(\.task))
        known.tasks = numbers.look(tasks: tasks)
        found.tasks = try add(tasks.subtracting(known.tasks.keys))
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

    private func find(_ orders: Set<OrderID>) throws -> [OrderID: Int64] {
        let statement = try cachedStatement(sql: "SELECT id FROM orders WHERE user_id = ?")
        var numbers: [OrderID: Int64] = [:]
        for id in orders { numbers[id] = try Int64.fetchOne(statement, arguments: [id.text]) }
        return numbers
    }

    /// Tasks that are new get numbers: in order, so that a replay numbers them alike.
    private func add(_ tasks: Set<TaskName>) throws -> [TaskName: Int64] {
        let statement = try cachedStatement(sql: "SELECT id FROM tasks WHERE name = ?")
        var numbers: [TaskName: Int64] = [:]
        for name in tasks.sorted() {
            try run("INSERT INTO tasks (name) VALUES (?) ON CONFLICT (name) DO NOTHING", [name.text])
            numbers[name] = try Int64.fetchOne(statement, arguments: [name.text])
        }
        return numbers
    }

    /// This is the hot path: through GRDB a row would cost 0.8 µs more, half as much again as its insertion. Nothing
    /// observes this connection, so nothing is missed by going beneath.
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
