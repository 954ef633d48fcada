internal import MillraceCore
internal import Platform

/// `resource_usage` has a partition for each day in UTC, which is made before it is needed, and goes as a whole.
struct Partitions: Sendable {
    static let day: Int64 = 86_400_000_000

    /// Days that have been seen to; the others' rows would go to `resource_usage_other` too.
    private var known: Set<Int64> = []
    /// In microseconds since boot.
    private var notBefore: Int64 = 0
    private static let pause: Int64 = 60_000_000
    // A process that runs for years begins anew.
    private static let limit = 1000
    /// Days that are further away than this from the batch's are not those of a clock that is right: they get no
    /// partition.
    private static let reach: Int64 = 31

    /// Makes the partitions that rows of these days need, and tomorrow's.
    mutating func prepare(_ rows: [UsageRows.Row], at now: Timestamp, _ connection: Connection) throws {
        let today = Self.number(now)
        var days: Set<Int64> = [today, today + 1]
        var last: Int64?
        for row in rows {
            let day = Self.number(row.at)
            guard day != last else { continue }
            last = day
            if abs(day - today) <= Self.reach { days.insert(day) }
        }
        let new = days.subtracting(known)
        guard !new.isEmpty, SystemClock.monotonicMicroseconds >= notBefore else { return }
        for day in new.sorted() {
            do {
                try make(day, connection)
            } catch let error as PostgresError where error.state == "55P03" {
                // Somebody reads for long. There is a day's time left, or the other partition takes the rows.
                connection.rollBack()
                notBefore = SystemClock.monotonicMicroseconds + Self.pause
                return
            } catch let error as PostgresError where !error.isConnectionLost {
                // No right to make tables, or rows of the day in the other partition already: that takes them.
                connection.rollBack()
            }
        }
        if known.count > Self.limit { known = [] }
        known.formUnion(new)
    }

    /// Made beside the table and attached. That waits for whoever reads the other partition, which every reader of the
    /// table does, and lets new ones wait meanwhile: not for long.
    private func make(_ day: Int64, _ connection: Connection) throws {
        let name = Self.name(day)
        let present = try connection.run([
            Statement("BEGIN"), Statement("SET LOCAL lock_timeout = '1s'"),
            Statement("SELECT pg_advisory_xact_lock(1835625594, 'resource_usage'::regclass::oid::integer)"),
            Statement("SELECT relispartition FROM pg_class WHERE oid = to_regclass($1)", name),
        ])
        guard try present.last?.first?.value(0) != true else { return connection.rollBack() }
        try connection.execute(
            """
            CREATE TABLE IF NOT EXISTS \(name) (LIKE resource_usage INCLUDING ALL);
            ALTER TABLE resource_usage ATTACH PARTITION \(name)
                FOR VALUES FROM ('\(Self.start(day))') TO ('\(Self.start(day + 1))');
            COMMIT
            """)
    }

    private static func number(_ time: Timestamp) -> Int64 {
        (time.microseconds - (time.microseconds % day + day) % day) / day
    }

    private static func date(_ day: Int64) -> Substring {
        Timestamp(microseconds: day * Self.day).description.prefix { $0 != "T" }
    }

    static func name(_ day: Int64) -> String { "resource_usage_" + date(day).replacing("-", with: "") }
    private static func start(_ day: Int64) -> String { date(day) + " 00:00:00+00" }
}

extension Partitions {
    /// Drops the oldest partition whose rows are all to go, or have gone.
    /// - Parameter before: the ends of partitions that are looked at.
    /// - Returns: whether one was dropped, so that there may be more.
    static func dropOne(_ connection: Connection, before: Timestamp, goes: Timestamp) throws -> Bool {
        let names = try connection.run(
            Statement(
                """
                SELECT relname::text FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
                WHERE inhparent = 'resource_usage'::regclass AND relname ~ '^resource_usage_[0-9]{8}$'
                    AND relname < $1 ORDER BY relname
                """, name(number(before)))
        ).map { try $0.value(0, as: String.self) }
        for name in names where try isSpent(name, goes: goes, connection) {
            do {
                // Whoever reads the table now goes first, but nobody else waits long for that.
                try connection.execute("BEGIN; SET LOCAL lock_timeout = '1s'; DROP TABLE \(name); COMMIT")
                return true
            } catch let error as PostgresError where !error.isConnectionLost {
                // It will be there the next time.
                connection.rollBack()
            }
        }
        return false
    }

    /// Whether nothing in a partition is to be kept. Numbers grow with time, so an order beside those that have rows in
    /// it is as old: one that is not only makes its rows go one by one.
    private static func isSpent(_ name: String, goes: Timestamp, _ connection: Connection) throws -> Bool {
        let ends = try connection.run(Statement("SELECT min(order_id), max(order_id) FROM \(name)"))
        guard let row = ends.first, let first: Int64 = try row.optional(0), let last: Int64 = try row.optional(1)
        else { return true }
        guard name < Self.name(number(goes)) else { return false }
        let kept = try connection.run(
            Statement(
                """
                SELECT EXISTS (
                    SELECT 1 FROM orders WHERE id BETWEEN $1 AND $2
                        AND (state IN ('accepted', 'running') OR submitted_at >= $3))
                """, first, last, goes))
        return try kept.first?.value(0) == false
    }
}
