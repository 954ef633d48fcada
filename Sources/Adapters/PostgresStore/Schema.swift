internal import MillracePorts

/// The tables and their versions. A version that has been released is never changed: a new one is added.
///
/// They are made in the first schema of the role's search path.
enum Schema {
    static let migrations: [(version: Int, name: String, script: String)] = [
        (1, "orders", orders), (2, "usage", usage),
    ]

    static var latest: Int { migrations.map(\.version).max() ?? 0 }

    /// Whoever changes the tables holds it. A number that nobody else will have taken.
    private static let lock = 7_261_120_521

    /// Migrations copy and index whole tables.
    private static let patience: Duration = .seconds(3600)

    /// Makes or updates the tables, in one transaction. Services that start together do so one after another.
    /// - Throws: `corrupt` for tables of a later version.
    static func prepare(_ connection: Connection, place: String) throws {
        // A role that may not make tables can use those that are there.
        if try version(connection, place) == latest { return }
        do {
            try connection.execute(
                """
                BEGIN;
                SET LOCAL statement_timeout = \(patience.inMilliseconds);
                SELECT pg_advisory_xact_lock(\(lock));
                CREATE TABLE IF NOT EXISTS millrace_migrations (
                    version bigint PRIMARY KEY,
                    name text NOT NULL,
                    applied_at timestamptz NOT NULL DEFAULT now()
                );
                """, allowance: patience)
            let present = try version(connection, place)
            for migration in migrations where migration.version > present {
                try connection.execute(migration.script, allowance: patience)
                try connection.execute(
                    "INSERT INTO millrace_migrations (version, name) VALUES (\(migration.version), '\(migration.name)')"
                )
            }
            try connection.execute("COMMIT", allowance: patience)
        } catch {
            connection.rollBack()
            throw error
        }
    }

    /// - Returns: 0 where there are no tables of ours.
    static func version(_ connection: Connection, _ place: String) throws -> Int {
        let name = try connection.run(Statement("SELECT to_regclass('millrace_migrations') IS NOT NULL"))
        guard try name.first?.value(0) == true else { return 0 }
        let rows = try connection.run(Statement("SELECT coalesce(max(version), 0) FROM millrace_migrations"))
        let version: Int = try rows.first?.value(0) ?? 0
        guard version <= latest else {
            throw StoreError(
                .corrupt, "opening the store",
                cause: "\(place) was written by a later version of Millrace: use that one, or another database")
        }
        return version
    }
}
