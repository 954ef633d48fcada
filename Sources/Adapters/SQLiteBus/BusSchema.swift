import GRDB

/// The bus's file. Batches are kept in one tree by partition and offset, so that reading on is one range scan.
enum BusSchema {
    static let version = 1

    /// A batch's row id: its partition's id above, its first offset below. A partition holds 2^42 records at most, and
    /// a bus 2^21 partitions.
    static func batchID(partition: Int64, offset: Int64) -> Int64 { partition << offsetBits | offset }
    static let offsetBits: Int64 = 42

    static func migrate(_ db: Database) throws {
        let found = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        guard found < version else {
            if found > version { throw NewerVersion(found: found) }
            return
        }
        try db.execute(
            sql: """
                CREATE TABLE topics (
                    id INTEGER PRIMARY KEY,
                    name TEXT NOT NULL UNIQUE,
                    retention INTEGER NOT NULL -- microseconds that a record is kept after every group has read it
                );
                CREATE TABLE partitions (
                    id INTEGER PRIMARY KEY,
                    topic_id INTEGER NOT NULL REFERENCES topics(id),
                    number INTEGER NOT NULL,
                    begin_offset INTEGER NOT NULL DEFAULT 0,
                    end_offset INTEGER NOT NULL DEFAULT 0,
                    UNIQUE (topic_id, number)
                );
                CREATE TABLE batches (
                    id INTEGER PRIMARY KEY, -- partition id << 42 | first offset
                    count INTEGER NOT NULL,
                    published_at INTEGER NOT NULL, -- microseconds since 1970 UTC
                    records BLOB NOT NULL
                );
                CREATE TABLE groups (
                    id INTEGER PRIMARY KEY,
                    topic_id INTEGER NOT NULL REFERENCES topics(id),
                    name TEXT NOT NULL,
                    exclusive INTEGER NOT NULL,
                    generation INTEGER NOT NULL DEFAULT 0, -- grows with every change of members or holdings
                    UNIQUE (topic_id, name)
                );
                CREATE TABLE members (
                    id INTEGER PRIMARY KEY AUTOINCREMENT,
                    group_id INTEGER NOT NULL REFERENCES groups(id),
                    name TEXT NOT NULL,
                    pid INTEGER NOT NULL,
                    start_ticks INTEGER NOT NULL,
                    lease_end INTEGER NOT NULL -- microseconds since boot
                );
                CREATE TABLE holdings (
                    group_id INTEGER NOT NULL REFERENCES groups(id),
                    partition INTEGER NOT NULL, -- its number
                    owner INTEGER, -- a member
                    target INTEGER, -- a member
                    release_asked_at INTEGER, -- microseconds since boot
                    committed INTEGER, -- the next offset to be read
                    PRIMARY KEY (group_id, partition)
                ) WITHOUT ROWID;
                CREATE TABLE boot (id TEXT NOT NULL);
                PRAGMA user_version = \(version);
                """)
    }

    /// After a reboot no member is left, and leases on the clock of the boot before mean nothing.
    static func forgetMembersOfOtherBoots(_ db: Database, bootID: String) throws {
        guard try String.fetchOne(db, sql: "SELECT id FROM boot") != bootID else { return }
        try db.execute(
            sql: """
                DELETE FROM boot;
                DELETE FROM members;
                UPDATE holdings SET owner = NULL, target = NULL, release_asked_at = NULL;
                UPDATE groups SET generation = generation + 1;
                """)
        try db.execute(sql: "INSERT INTO boot (id) VALUES (?)", arguments: [bootID])
    }

    struct NewerVersion: Error { var found: Int }
}
