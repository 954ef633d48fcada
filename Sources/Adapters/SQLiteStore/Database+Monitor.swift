internal import GRDB
internal import MillraceCore
internal import MillracePorts

/// What monitor-system saves. Every write here moves forwards only, whatever it is asked to save.
extension Database {
    func save(_ save: MonitorSave, expected: [Int: Int64]) throws {
        guard try offsets() == expected else { throw StoreError.fenced }
        for (partition, next) in save.offsets where expected[partition] != next {
            try run(
                "INSERT OR REPLACE INTO consumer_offsets (partition, next_offset) VALUES (?, ?)", [partition, next])
        }
        for partition in expected.keys where save.offsets[partition] == nil {
            try run("DELETE FROM consumer_offsets WHERE partition = ?", [partition])
        }
        try addTasks(save)
        for task in save.tasks { try saveScaler(task) }
        for decision in save.changes.decisions { try add(decision) }
        for task in Set(save.changes.decisions.map(\.task)) { try forgetDecisions(of: task) }
        for (id, progress) in save.changes.orders {
            try saveOrder(id, progress, steps: save.changes.steps[id] ?? [])
        }
    }

    /// Numbers the tasks that are new, so that what follows can refer to all.
    private func addTasks(_ save: MonitorSave) throws {
        var names = Set(save.tasks.map(\.task)).union(save.changes.decisions.map(\.task))
        for (id, changed) in save.changes.steps {
            guard let steps = save.changes.orders[id]?.steps else { continue }
            for index in changed where steps.indices.contains(index) { names.insert(steps[index].task) }
        }
        // In order, so that a replay numbers them alike.
        for name in names.sorted() {
            try run("INSERT INTO tasks (name) VALUES (?) ON CONFLICT (name) DO NOTHING", [name.text])
        }
    }

    private func saveScaler(_ task: KeptScaler) throws {
        try run(
            """
            INSERT OR REPLACE INTO task_scaling (task_id, running, upcoming, desired, number, idle_since, decided_from,
                decided_to, decided_reason, decided_at, reported_current, reported_desired, reported_number, partitions,
                problem)
            VALUES ((SELECT id FROM tasks WHERE name = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                task.task.text, task.demand.running, task.demand.upcoming, task.desired, task.number,
                task.idleSince?.microseconds, task.lastDecision?.from, task.lastDecision?.to, task.lastDecision?.reason,
                task.lastDecision?.at.microseconds, task.instance?.current, task.instance?.desired,
                task.instance?.number, task.instance?.partitions, task.instance?.problem,
            ])
    }

    private func add(_ decision: ScalingDecision) throws {
        try run(
            """
            INSERT INTO scaling_decisions (task_id, from_replicas, to_replicas, reason, at)
            VALUES ((SELECT id FROM tasks WHERE name = ?), ?, ?, ?, ?)
            """, [decision.task.text, decision.from, decision.to, decision.reason, decision.at.microseconds])
    }

    private func forgetDecisions(of task: TaskName) throws {
        try run(
            """
            DELETE FROM scaling_decisions
            WHERE task_id = (SELECT id FROM tasks WHERE name = ?1) AND id <= (
                SELECT id FROM scaling_decisions WHERE task_id = (SELECT id FROM tasks WHERE name = ?1)
                ORDER BY id DESC LIMIT 1 OFFSET \(ScalingDecision.keptPerTask))
            """, [task.text])
    }

    private func saveOrder(_ id: OrderID, _ progress: OrderProgress, steps: Set<Int>) throws {
        let find = try cachedStatement(sql: "SELECT id FROM orders WHERE user_id = ?")
        guard let number = try Int64.fetchOne(find, arguments: [id.text]) else { return }
        try run(
            """
            UPDATE orders SET state = ?, reason = ?, started_at = ?, finished_at = ?
            WHERE id = ? AND state IN ('accepted', 'running')
            """,
            [
                progress.state.rawValue, progress.reason, progress.startedAt?.microseconds,
                progress.finishedAt?.microseconds, number,
            ])
        for index in steps where progress.steps.indices.contains(index) {
            try saveStep(progress.steps[index], index, of: number)
        }
    }

    private func saveStep(_ step: StepProgress, _ index: Int, of order: Int64) throws {
        try run(
            """
            INSERT INTO order_steps (order_id, step, task_id, state, attempt, run, instance, started_at, finished_at,
                output, reason)
            VALUES (?, ?, (SELECT id FROM tasks WHERE name = ?), ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (order_id, step) DO UPDATE SET state = excluded.state, attempt = excluded.attempt,
                run = excluded.run, instance = excluded.instance, started_at = excluded.started_at,
                finished_at = excluded.finished_at, output = excluded.output, reason = excluded.reason
            WHERE state NOT IN ('finished', 'failed')
            """,
            [
                order, index, step.task.text, step.state.rawValue, step.attempt, step.run?.text, step.instance,
                step.startedAt?.microseconds, step.finishedAt?.microseconds, step.output?.description, step.reason,
            ])
        guard changesCount > 0, let run = step.run, step.totals != RunTotals() else { return }
        try saveTotals(step.totals, of: run, step: index, of: order)
    }

    /// A later account of the same run adds to what is known and takes nothing from it; what was an estimate gives way
    /// to it entirely.
    private func saveTotals(_ totals: RunTotals, of run: RunID, step: Int, of order: Int64) throws {
        try self.run(
            """
            INSERT INTO step_totals (order_id, step, run, cpu_seconds, peak_ram_bytes, disk_read_bytes,
                disk_written_bytes, waiting_seconds, running_seconds)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (order_id, step, run) DO UPDATE SET
                cpu_seconds = coalesce(excluded.cpu_seconds, iif(estimated, NULL, cpu_seconds)),
                peak_ram_bytes = coalesce(excluded.peak_ram_bytes, iif(estimated, NULL, peak_ram_bytes)),
                disk_read_bytes = coalesce(excluded.disk_read_bytes, iif(estimated, NULL, disk_read_bytes)),
                disk_written_bytes = coalesce(excluded.disk_written_bytes, iif(estimated, NULL, disk_written_bytes)),
                waiting_seconds = coalesce(excluded.waiting_seconds, iif(estimated, NULL, waiting_seconds)),
                running_seconds = coalesce(excluded.running_seconds, iif(estimated, NULL, running_seconds)),
                estimated = 0
            """,
            [
                order, step, run.text, totals.cpu?.inSeconds, totals.peakRAM, totals.diskRead, totals.diskWritten,
                totals.waiting?.inSeconds, totals.running?.inSeconds,
            ])
    }

    func offsets() throws -> [Int: Int64] {
        var offsets: [Int: Int64] = [:]
        let rows = try Row.fetchCursor(
            cachedStatement(sql: "SELECT partition, next_offset FROM consumer_offsets"))
        while let row = try rows.next() { offsets[row[0]] = row[1] }
        return offsets
    }
}
