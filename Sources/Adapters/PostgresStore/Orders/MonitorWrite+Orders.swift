internal import MillraceCore
internal import MillracePorts

extension Statement {
    /// Ended orders stay as they ended.
    static func save(_ orders: [OrderProgress]) -> Statement {
        Statement(
            """
            UPDATE orders SET state = due.state, reason = due.reason, started_at = due.started_at,
                finished_at = due.finished_at
            FROM (
                SELECT old.id, new.state, new.reason, new.started_at, new.finished_at
                FROM unnest($1, $2, $3, $4, $5) AS new (user_id, state, reason, started_at, finished_at)
                JOIN orders AS old ON old.user_id = new.user_id
                WHERE old.state IN ('accepted', 'running') ORDER BY old.id FOR NO KEY UPDATE OF old
            ) AS due WHERE orders.id = due.id
            """, orders.map(\.id.text), orders.map(\.state.rawValue), orders.map(\.reason), orders.map(\.startedAt),
            orders.map(\.finishedAt))
    }

    /// A step that finished or failed stays as it is. A later account of the same run adds to what is known and takes
    /// nothing from it; what was an estimate gives way to it entirely.
    static func save(_ steps: [(order: String, index: Int32, step: StepProgress)]) -> Statement {
        let totals = steps.map(\.step.totals)
        return Statement(
            saveSteps, steps.map(\.order), steps.map(\.index), steps.map(\.step.task.text),
            steps.map(\.step.state.rawValue), steps.map(\.step.attempt), steps.map(\.step.run?.text),
            steps.map(\.step.instance), steps.map(\.step.startedAt), steps.map(\.step.finishedAt),
            steps.map(\.step.output?.description), steps.map(\.step.reason), totals.map(\.cpu?.inSeconds),
            totals.map(\.peakRAM), totals.map(\.diskRead), totals.map(\.diskWritten), totals.map(\.waiting?.inSeconds),
            totals.map(\.running?.inSeconds))
    }

    private static let saveSteps = """
        WITH new AS (
            SELECT orders.id AS order_id, given.step, tasks.id AS task_id, given.state, given.attempt, given.run,
                given.instance, given.started_at, given.finished_at, given.output, given.reason, \(RunTotals.columns)
            FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
                AS given (user_id, step, task, state, attempt, run, instance, started_at, finished_at, output, reason,
                    \(RunTotals.columns))
            JOIN orders ON orders.user_id = given.user_id
            JOIN tasks ON tasks.name = given.task
        ), changed AS (
            INSERT INTO order_steps (order_id, step, task_id, state, attempt, run, instance, started_at, finished_at,
                output, reason)
            SELECT order_id, step, task_id, state, attempt, run, instance, started_at, finished_at, output, reason
            FROM new ORDER BY order_id, step
            ON CONFLICT (order_id, step) DO UPDATE SET state = excluded.state, attempt = excluded.attempt,
                run = excluded.run, instance = excluded.instance, started_at = excluded.started_at,
                finished_at = excluded.finished_at, output = excluded.output, reason = excluded.reason
            WHERE order_steps.state NOT IN ('finished', 'failed')
            RETURNING order_id, step
        )
        INSERT INTO step_totals (order_id, step, run, \(RunTotals.columns))
        SELECT order_id, step, run, \(RunTotals.columns) FROM new JOIN changed USING (order_id, step)
        WHERE run IS NOT NULL AND num_nonnulls(\(RunTotals.columns)) > 0 ORDER BY order_id, step
        ON CONFLICT (order_id, step, run) DO UPDATE SET \(RunTotals.update), estimated = false
        """
}

extension RunTotals {
    private static let names = [
        "cpu_seconds", "peak_ram_bytes", "disk_read_bytes", "disk_written_bytes", "waiting_seconds", "running_seconds",
    ]

    /// Of `step_totals`, in the order in which ``init(_:from:)`` reads them.
    static let columns = names.joined(separator: ", ")

    fileprivate static let update = names.map {
        "\($0) = coalesce(excluded.\($0), CASE WHEN NOT step_totals.estimated THEN step_totals.\($0) END)"
    }.joined(separator: ", ")

    init(_ row: Row, from column: Int) throws {
        self.init(
            cpu: try row.optional(column, as: Double.self).map { .seconds(fraction: $0) },
            peakRAM: try row.optional(column + 1), diskRead: try row.optional(column + 2),
            diskWritten: try row.optional(column + 3),
            waiting: try row.optional(column + 4, as: Double.self).map { .seconds(fraction: $0) },
            running: try row.optional(column + 5, as: Double.self).map { .seconds(fraction: $0) })
    }
}
