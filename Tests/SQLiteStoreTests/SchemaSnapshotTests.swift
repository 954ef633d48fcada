import GRDB
import MillraceTesting
import SQLiteStore
import Testing

@Suite struct SchemaSnapshotTests {
    /// What is here has been released once it is: a change needs a migration, not an edit.
    @Test func `the tables are those of this version`() async throws {
        try await withTemporaryFolder { folder in
            let store = try await SQLiteOrderStore.open(path: folder + "/store.sqlite")
            await store.close()
            let statements = try await DatabaseQueue(path: folder + "/store.sqlite").read { database in
                try String.fetchAll(
                    database,
                    sql: """
                        SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'grdb_migrations' ORDER BY name
                        """)
            }
            let flat = statements.map { $0.split(whereSeparator: \.isWhitespace).joined(separator: " ") }
            #expect(flat == Self.expected)
        }
    }

    private static let expected: [String] = [
        """
        CREATE TABLE consumer_offsets ( partition INTEGER PRIMARY KEY, next_offset INTEGER NOT NULL ) STRICT
        """,
        """
        CREATE TABLE dropped_samples ( node TEXT NOT NULL, at INTEGER NOT NULL, samples INTEGER NOT NULL, PRIMARY \
        KEY (at, node) ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE order_steps ( order_id INTEGER NOT NULL REFERENCES orders (id), step INTEGER NOT NULL, \
        task_id INTEGER NOT NULL REFERENCES tasks (id), state TEXT NOT NULL, attempt INTEGER NOT NULL, run TEXT, \
        instance TEXT, started_at INTEGER, finished_at INTEGER, output TEXT, reason TEXT, PRIMARY KEY (order_id, \
        step) ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE INDEX order_steps_finished ON order_steps (task_id, finished_at) WHERE state = 'finished'
        """,
        """
        CREATE TABLE orders ( id INTEGER PRIMARY KEY, user_id TEXT NOT NULL UNIQUE, state TEXT NOT NULL, published \
        INTEGER NOT NULL, submitted_at INTEGER NOT NULL, started_at INTEGER, finished_at INTEGER, content_hash \
        TEXT NOT NULL, reason TEXT, traceparent TEXT, content TEXT NOT NULL ) STRICT
        """,
        """
        CREATE INDEX orders_by_state ON orders (state, id) WHERE state <> 'finished'
        """,
        """
        CREATE INDEX orders_unpublished ON orders (id) WHERE published = 0
        """,
        """
        CREATE TABLE resource_offsets ( node TEXT NOT NULL, partition INTEGER NOT NULL, next_offset INTEGER NOT \
        NULL, PRIMARY KEY (node, partition) ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE resource_usage ( order_id INTEGER NOT NULL, task_id INTEGER NOT NULL, resource_id INTEGER NOT \
        NULL, value REAL NOT NULL, timestamp INTEGER NOT NULL, step INTEGER NOT NULL, seconds REAL NOT NULL, \
        PRIMARY KEY (order_id, step, timestamp, resource_id) ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE resource_usage_minutes ( order_id INTEGER NOT NULL REFERENCES orders (id), task_id INTEGER \
        NOT NULL REFERENCES tasks (id), resource_id INTEGER NOT NULL REFERENCES resources (id), value REAL NOT \
        NULL, timestamp INTEGER NOT NULL, step INTEGER NOT NULL, seconds REAL NOT NULL, low REAL NOT NULL, high \
        REAL NOT NULL, samples INTEGER NOT NULL, PRIMARY KEY (order_id, step, timestamp, resource_id) ) STRICT, \
        WITHOUT ROWID
        """,
        """
        CREATE TABLE resources ( id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, unit TEXT NOT NULL ) STRICT
        """,
        """
        CREATE TABLE scaling_decisions ( id INTEGER PRIMARY KEY, task_id INTEGER NOT NULL REFERENCES tasks (id), \
        from_replicas INTEGER NOT NULL, to_replicas INTEGER NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL ) \
        STRICT
        """,
        """
        CREATE INDEX scaling_decisions_by_task ON scaling_decisions (task_id, id)
        """,
        """
        CREATE TABLE step_totals ( order_id INTEGER NOT NULL REFERENCES orders (id), step INTEGER NOT NULL, run \
        TEXT NOT NULL, cpu_seconds REAL, peak_ram_bytes INTEGER, disk_read_bytes INTEGER, disk_written_bytes \
        INTEGER, waiting_seconds REAL, running_seconds REAL, estimated INTEGER NOT NULL DEFAULT 0, PRIMARY KEY \
        (order_id, step, run) ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE task_scaling ( task_id INTEGER PRIMARY KEY REFERENCES tasks (id), running INTEGER NOT NULL, \
        upcoming INTEGER NOT NULL, desired INTEGER NOT NULL, number INTEGER NOT NULL, idle_since INTEGER, \
        decided_from INTEGER, decided_to INTEGER, decided_reason TEXT, decided_at INTEGER, reported_current \
        INTEGER, reported_desired INTEGER, reported_number INTEGER, partitions INTEGER, problem TEXT ) STRICT
        """,
        """
        CREATE TABLE tasks ( id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE ) STRICT
        """,
        """
        CREATE VIEW usage AS SELECT orders.user_id AS order_name, tasks.name AS task, usage.step AS step, \
        resources.name AS resource, resources.unit AS unit, usage.value AS value, usage.timestamp AS timestamp, \
        usage.seconds AS seconds, (usage.timestamp - order_steps.started_at) / 1e6 AS second, usage.value AS low, \
        usage.value AS high FROM resource_usage AS usage JOIN orders ON orders.id = usage.order_id JOIN tasks ON \
        tasks.id = usage.task_id JOIN resources ON resources.id = usage.resource_id LEFT JOIN order_steps ON \
        order_steps.order_id = usage.order_id AND order_steps.step = usage.step UNION ALL SELECT orders.user_id, \
        tasks.name, usage.step, resources.name, resources.unit, usage.value, usage.timestamp, usage.seconds, \
        (usage.timestamp - order_steps.started_at) / 1e6, usage.low, usage.high FROM resource_usage_minutes AS \
        usage JOIN orders ON orders.id = usage.order_id JOIN tasks ON tasks.id = usage.task_id JOIN resources ON \
        resources.id = usage.resource_id LEFT JOIN order_steps ON order_steps.order_id = usage.order_id AND \
        order_steps.step = usage.step
        """,
    ]
}
