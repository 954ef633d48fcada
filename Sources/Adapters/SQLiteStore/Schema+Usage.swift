internal import GRDB
internal import MillraceCore

/// What steps consumed, over time.
extension Schema {
    static func addUsage(_ database: Database) throws {
        try database.execute(sql: resources)
        for resource in Resource.allCases {
            try database.execute(
                sql: "INSERT INTO resources (id, name, unit) VALUES (?, ?, ?)",
                arguments: [resource.rawValue, resource.name, resource.unit])
        }
        try database.execute(sql: usage)
        try database.execute(sql: totals)
        try database.execute(sql: view)
    }

    private static let resources = """
        CREATE TABLE resources (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            unit TEXT NOT NULL
        ) STRICT;
        """

    /// Numbers only, since they feed a neural net; `usage` has the names. A row's interval has `seconds` and ends at
    /// `timestamp`. By order first, so that an order's rows are one range, and by time before the resource, so that
    /// what comes at one tick goes to one page. The step's task stands in each row, since it never changes and saves a
    /// join.
    ///
    /// `resource_usage` refers to no other table: checking three references takes 0.6 µs a row, a fifth of what the row
    /// costs, and its numbers are only ever taken from those tables, which lose no rows.
    private static let usage = """
        CREATE TABLE resource_usage (
            order_id INTEGER NOT NULL,
            task_id INTEGER NOT NULL,
            resource_id INTEGER NOT NULL,
            value REAL NOT NULL,
            timestamp INTEGER NOT NULL,
            step INTEGER NOT NULL,
            seconds REAL NOT NULL,
            PRIMARY KEY (order_id, step, timestamp, resource_id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE resource_usage_minutes (
            order_id INTEGER NOT NULL REFERENCES orders (id),
            task_id INTEGER NOT NULL REFERENCES tasks (id),
            resource_id INTEGER NOT NULL REFERENCES resources (id),
            value REAL NOT NULL,
            timestamp INTEGER NOT NULL,
            step INTEGER NOT NULL,
            seconds REAL NOT NULL,
            low REAL NOT NULL,
            high REAL NOT NULL,
            samples INTEGER NOT NULL,
            PRIMARY KEY (order_id, step, timestamp, resource_id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE resource_offsets (
            node TEXT NOT NULL,
            partition INTEGER NOT NULL,
            next_offset INTEGER NOT NULL,
            PRIMARY KEY (node, partition)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE dropped_samples (
            node TEXT NOT NULL,
            at INTEGER NOT NULL,
            samples INTEGER NOT NULL,
            PRIMARY KEY (at, node)
        ) STRICT, WITHOUT ROWID;
        """

    /// Waiting and running in seconds. A row that is `estimated` has what samples add up to, of a run whose end was not
    /// told. The index has finished steps alone: a step's changes before its end do not touch it.
    private static let totals = """
        ALTER TABLE step_totals ADD COLUMN waiting_seconds REAL;
        ALTER TABLE step_totals ADD COLUMN running_seconds REAL;
        ALTER TABLE step_totals ADD COLUMN estimated INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX order_steps_finished ON order_steps (task_id, finished_at) WHERE state = 'finished';
        """

    /// For people and tools. `order_name` is the id that the order was submitted with, `second` is the interval's end
    /// since the step's start. Two selects, so that a condition reaches the key of both tables.
    private static let view = """
        CREATE VIEW usage AS
        SELECT orders.user_id AS order_name, tasks.name AS task, usage.step AS step, resources.name AS resource,
            resources.unit AS unit, usage.value AS value, usage.timestamp AS timestamp, usage.seconds AS seconds,
            (usage.timestamp - order_steps.started_at) / 1e6 AS second, usage.value AS low, usage.value AS high
        FROM resource_usage AS usage
        JOIN orders ON orders.id = usage.order_id
        JOIN tasks ON tasks.id = usage.task_id
        JOIN resources ON resources.id = usage.resource_id
        LEFT JOIN order_steps ON order_steps.order_id = usage.order_id AND order_steps.step = usage.step
        UNION ALL
        SELECT orders.user_id, tasks.name, usage.step, resources.name, resources.unit, usage.value, usage.timestamp,
            usage.seconds, (usage.timestamp - order_steps.started_at) / 1e6, usage.low, usage.high
        FROM resource_usage_minutes AS usage
        JOIN orders ON orders.id = usage.order_id
        JOIN tasks ON tasks.id = usage.task_id
        JOIN resources ON resources.id = usage.resource_id
        LEFT JOIN order_steps ON order_steps.order_id = usage.order_id AND order_steps.step = usage.step;
        """
}
