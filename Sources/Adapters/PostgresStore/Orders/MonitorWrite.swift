internal import MillraceCore
internal import MillracePorts

/// What monitor-system saves, as statements: encoded by its caller. Every write here moves forwards only, whatever it
/// is asked to save.
struct MonitorWrite: Sendable {
    let expected: [Int: Int64]
    let statements: [Statement]

    init(_ save: MonitorSave, expected: [Int: Int64]) {
        self.expected = expected
        var statements: [Statement] = []
        let changed = save.offsets.filter { expected[$0.key] != $0.value }.sorted { $0.key < $1.key }
        if !changed.isEmpty { statements.append(.saveOffsets(changed.map(\.key), changed.map(\.value))) }
        let gone = expected.keys.filter { save.offsets[$0] == nil }
        if !gone.isEmpty { statements.append(.removeOffsets(Array(gone))) }
        let orders = save.changes.orders.values.sorted { $0.id < $1.id }
        let steps = orders.flatMap { order in
            (save.changes.steps[order.id] ?? []).sorted().filter(order.steps.indices.contains).map {
                (order: order.id.text, index: Int32($0), step: order.steps[$0])
            }
        }
        // Numbered in order, so that a replay numbers them alike.
        let decided = Set(save.changes.decisions.map(\.task))
        let names = decided.union(save.tasks.map(\.task)).union(steps.map(\.step.task)).sorted().map(\.text)
        if !names.isEmpty { statements.append(.addTasks(names)) }
        if !save.tasks.isEmpty { statements.append(.save(save.tasks)) }
        if !decided.isEmpty {
            statements.append(.add(save.changes.decisions))
            statements.append(.forgetDecisions(of: decided.map(\.text)))
        }
        if !orders.isEmpty { statements.append(.save(orders)) }
        if !steps.isEmpty { statements.append(.save(steps)) }
        self.statements = statements
    }
}

extension Rows {
    func offsets() throws -> [Int: Int64] {
        var offsets: [Int: Int64] = [:]
        try forEach { offsets[try $0.value(0)] = try $0.value(1) }
        return offsets
    }
}

extension Statement {
    /// Until the transaction's end, against other monitor-systems: before the first save there is no row to be locked.
    static var lockOffsets: Statement {
        Statement("SELECT pg_advisory_xact_lock(1835625594, 'consumer_offsets'::regclass::oid::integer)")
    }

    static var offsets: Statement { Statement("SELECT partition, next_offset FROM consumer_offsets") }

    static func saveOffsets(_ partitions: [Int], _ offsets: [Int64]) -> Statement {
        Statement(
            """
            INSERT INTO consumer_offsets (partition, next_offset) SELECT * FROM unnest($1, $2)
            ON CONFLICT (partition) DO UPDATE SET next_offset = excluded.next_offset
            """, partitions, offsets)
    }

    static func removeOffsets(_ partitions: [Int]) -> Statement {
        Statement("DELETE FROM consumer_offsets WHERE partition = ANY ($1)", partitions)
    }

    /// Those that are there are left out before a number is taken for them: numbers stay dense.
    static func addTasks(_ names: [String]) -> Statement {
        Statement(
            """
            INSERT INTO tasks (name)
            SELECT new.name FROM unnest($1) WITH ORDINALITY AS new (name, place)
            WHERE NOT EXISTS (SELECT 1 FROM tasks WHERE tasks.name = new.name) ORDER BY new.place
            ON CONFLICT (name) DO NOTHING
            """, names)
    }

    static func add(_ decisions: [ScalingDecision]) -> Statement {
        Statement(
            """
            INSERT INTO scaling_decisions (task_id, from_replicas, to_replicas, reason, at)
            SELECT tasks.id, new.from_replicas, new.to_replicas, new.reason, new.at
            FROM unnest($1, $2, $3, $4, $5) WITH ORDINALITY
                AS new (task, from_replicas, to_replicas, reason, at, place)
            JOIN tasks ON tasks.name = new.task ORDER BY new.place
            """, decisions.map(\.task.text), decisions.map(\.from), decisions.map(\.to), decisions.map(\.reason),
            decisions.map(\.at))
    }

    static func forgetDecisions(of tasks: [String]) -> Statement {
        Statement(
            """
            DELETE FROM scaling_decisions AS old USING (
                SELECT id AS task_id, (
                    SELECT kept.id FROM scaling_decisions AS kept WHERE kept.task_id = tasks.id
                    ORDER BY kept.id DESC LIMIT 1 OFFSET $2) AS last
                FROM tasks WHERE name = ANY ($1)
            ) AS cut WHERE old.task_id = cut.task_id AND old.id <= cut.last
            """, tasks, ScalingDecision.keptPerTask)
    }

    static func save(_ tasks: [KeptScaler]) -> Statement {
        Statement(
            """
            INSERT INTO task_scaling (task_id, running, upcoming, desired, number, idle_since, decided_from, decided_to,
                decided_reason, decided_at, reported_current, reported_desired, reported_number, partitions, problem)
            SELECT tasks.id, new.running, new.upcoming, new.desired, new.number, new.idle_since, new.decided_from,
                new.decided_to, new.decided_reason, new.decided_at, new.reported_current, new.reported_desired,
                new.reported_number, new.partitions, new.problem
            FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) AS new (task, running,
                upcoming, desired, number, idle_since, decided_from, decided_to, decided_reason, decided_at,
                reported_current, reported_desired, reported_number, partitions, problem)
            JOIN tasks ON tasks.name = new.task
            ON CONFLICT (task_id) DO UPDATE SET running = excluded.running, upcoming = excluded.upcoming,
                desired = excluded.desired, number = excluded.number, idle_since = excluded.idle_since,
                decided_from = excluded.decided_from, decided_to = excluded.decided_to,
                decided_reason = excluded.decided_reason, decided_at = excluded.decided_at,
                reported_current = excluded.reported_current, reported_desired = excluded.reported_desired,
                reported_number = excluded.reported_number, partitions = excluded.partitions,
                problem = excluded.problem
            """, tasks.map(\.task.text), tasks.map(\.demand.running), tasks.map(\.demand.upcoming),
            tasks.map(\.desired), tasks.map(\.number), tasks.map(\.idleSince), tasks.map(\.lastDecision?.from),
            tasks.map(\.lastDecision?.to), tasks.map(\.lastDecision?.reason), tasks.map(\.lastDecision?.at),
            tasks.map(\.instance?.current), tasks.map(\.instance?.desired), tasks.map(\.instance?.number),
            tasks.map(\.instance?.partitions), tasks.map(\.instance?.problem))
    }
}
