internal import GRDB
internal import MillracePorts

/// The store's tables and their versions. A version that has been released is never changed: a new one is added.
enum Schema {
    /// Makes or updates the tables.
    /// - Parameter version: the last one, for tests of files that were made before.
    /// - Throws: `corrupt` for a file of a later version.
    static func prepare(_ pool: DatabasePool, upTo version: String? = nil) throws {
        let migrator = migrator
        guard try !pool.read(migrator.hasBeenSuperseded) else {
            throw StoreError(
                .corrupt, "opening the store",
                cause: "\(pool.path) was written by a later version of Millrace: use that one, or another file")
        }
        if let version { try migrator.migrate(pool, upTo: version) } else { try migrator.migrate(pool) }
    }

    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 orders") { database in
            try database.execute(sql: tasks)
            try database.execute(sql: orders)
            try database.execute(sql: steps)
        }
        // It breaks no reference that is there: checking them all would read the whole file.
        migrator.registerMigration("2 usage", foreignKeyChecks: .immediate) { try addUsage($0) }
        return migrator
    }

    /// Tasks by number, since the numbers feed a neural net; what is decided about them stands apart.
    private static let tasks = """
        CREATE TABLE tasks (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE
        ) STRICT;
        CREATE TABLE task_scaling (
            task_id INTEGER PRIMARY KEY REFERENCES tasks (id),
            running INTEGER NOT NULL,
            upcoming INTEGER NOT NULL,
            desired INTEGER NOT NULL,
            number INTEGER NOT NULL,
            idle_since INTEGER,
            decided_from INTEGER,
            decided_to INTEGER,
            decided_reason TEXT,
            decided_at INTEGER,
            reported_current INTEGER,
            reported_desired INTEGER,
            reported_number INTEGER,
            partitions INTEGER,
            problem TEXT
        ) STRICT;
        CREATE TABLE scaling_decisions (
            id INTEGER PRIMARY KEY,
            task_id INTEGER NOT NULL REFERENCES tasks (id),
            from_replicas INTEGER NOT NULL,
            to_replicas INTEGER NOT NULL,
            reason TEXT NOT NULL,
            at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX scaling_decisions_by_task ON scaling_decisions (task_id, id);
        CREATE TABLE consumer_offsets (
            partition INTEGER PRIMARY KEY,
            next_offset INTEGER NOT NULL
        ) STRICT;
        """

    /// Times are microseconds since 1970 UTC. The long columns stand last: what is before them is read without them.
    /// Nearly all orders end as finished, so the index by state leaves those out: a listing of them walks the table.
    private static let orders = """
        CREATE TABLE orders (
            id INTEGER PRIMARY KEY,
            user_id TEXT NOT NULL UNIQUE,
            state TEXT NOT NULL,
            published INTEGER NOT NULL,
            submitted_at INTEGER NOT NULL,
            started_at INTEGER,
            finished_at INTEGER,
            content_hash TEXT NOT NULL,
            reason TEXT,
            traceparent TEXT,
            content TEXT NOT NULL
        ) STRICT;
        CREATE INDEX orders_unpublished ON orders (id) WHERE published = 0;
        CREATE INDEX orders_by_state ON orders (state, id) WHERE state <> 'finished';
        """

    /// A step has a row from its first change on. Its totals are those of its run; a counter that could not be read is
    /// NULL.
    private static let steps = """
        CREATE TABLE order_steps (
            order_id INTEGER NOT NULL REFERENCES orders (id),
            step INTEGER NOT NULL,
            task_id INTEGER NOT NULL REFERENCES tasks (id),
            state TEXT NOT NULL,
            attempt INTEGER NOT NULL,
            run TEXT,
            instance TEXT,
            started_at INTEGER,
            finished_at INTEGER,
            output TEXT,
            reason TEXT,
            PRIMARY KEY (order_id, step)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE step_totals (
            order_id INTEGER NOT NULL REFERENCES orders (id),
            step INTEGER NOT NULL,
            run TEXT NOT NULL,
            cpu_seconds REAL,
            peak_ram_bytes INTEGER,
            disk_read_bytes INTEGER,
            disk_written_bytes INTEGER,
            PRIMARY KEY (order_id, step, run)
        ) STRICT, WITHOUT ROWID;
        """
}
