internal import MillraceCore

extension TidyPiece {
    /// A place among an order's rows.
    private struct Bound {
        var step: Int32
        var resource: Int32
        var at: Timestamp

        /// After all of them.
        static let end = Bound(step: .max, resource: .max, at: Timestamp(microseconds: .max))
    }

    /// - Returns: how many rows went; as many as the limit where there may be more.
    func delete(from table: String, of order: Int64, limit: Int) throws -> Int {
        let bound = try self.bound(in: table, of: order, offset: limit - 1)
        let place = bound?.row ?? .end
        let rows = try connection.run(
            Statement(
                """
                WITH gone AS (
                    DELETE FROM \(table) WHERE order_id = $1 AND (step, timestamp, resource_id) <= ($2, $3, $4)
                    RETURNING 1
                ) SELECT count(*) FROM gone
                """, order, place.step, place.at, place.resource))
        return bound == nil ? try rows.first?.value(0) ?? 0 : limit
    }

    /// A minute is not cut in two, unless it alone has more samples than a whole piece.
    /// - Returns: how many samples went, or the limit where there are more.
    func makeMinutes(of order: Int64, limit: Int) throws -> Int {
        // The first sample that has no room, and the minute that it is in.
        guard let bound = try bound(in: "resource_usage", of: order, offset: limit) else {
            return try moveSamples(of: order, before: .end)
        }
        let moved = try moveSamples(of: order, before: bound.minute)
        if moved == 0, limit == Self.rowLimit { _ = try moveSamples(of: order, before: bound.row) }
        return limit
    }

    /// What is deleted and what becomes minutes are the same rows, whatever is saved meanwhile.
    private func moveSamples(of order: Int64, before place: Bound) throws -> Int {
        let rows = try connection.run(
            Statement(
                """
                WITH gone AS (
                    DELETE FROM resource_usage WHERE order_id = $1 AND (step, timestamp) < ($2, $3)
                    RETURNING *
                ), moved AS (
                    INSERT INTO resource_usage_minutes (order_id, step, resource_id, timestamp, task_id, value, low,
                        high, seconds, samples)
                    SELECT order_id, step, resource_id, max(timestamp), min(task_id),
                        coalesce(sum(value * seconds) / nullif(sum(seconds), 0), avg(value)), min(value), max(value),
                        sum(seconds), count(*)
                    FROM gone
                    GROUP BY order_id, step, resource_id, date_trunc('minute', timestamp AT TIME ZONE 'UTC')
                    ON CONFLICT DO NOTHING
                ) SELECT count(*) FROM gone
                """, order, place.step, place.at))
        return try rows.first?.value(0) ?? 0
    }

    private func bound(
        in table: String, of order: Int64, offset: Int
    ) throws -> (row: Bound, minute: Bound)? {
        let rows = try connection.run(
            Statement(
                """
                SELECT step, resource_id, timestamp,
                    date_trunc('minute', timestamp AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
                FROM \(table) WHERE order_id = $1 ORDER BY step, timestamp, resource_id LIMIT 1 OFFSET $2
                """, order, max(0, offset)))
        guard let row = rows.first else { return nil }
        let step = Int32(clamping: try row.value(0, as: Int64.self))
        let resource = Int32(clamping: try row.value(1, as: Int64.self))
        return (
            Bound(step: step, resource: resource, at: try row.value(2)),
            Bound(step: step, resource: resource, at: try row.value(3))
        )
    }
}
