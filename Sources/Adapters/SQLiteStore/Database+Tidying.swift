internal import GRDB
internal import MillraceCore
internal import MillracePorts
internal import Synchronization

/// How far housekeeping has come in its present round over both tables; it is for this process alone, and begins anew
/// with it.
final class Tidying: Sendable {
    struct Place: Hashable, Sendable {
        /// The numbers of the orders that were last seen to.
        var samples: Int64 = 0
        var minutes: Int64 = 0
        var isAtEnd = false
    }

    private let current = Mutex(Place())

    /// Where to go on.
    var place: Place {
        get { current.withLock { $0.isAtEnd ? Place() : $0 } }
        set { current.withLock { $0 = newValue } }
    }
}

/// Samples become minutes, and both go, in pieces that hold the writer up for some ten milliseconds.
extension Database {
    /// The most rows that are moved or deleted in a transaction.
    static let tidyLimit = 5000
    /// The most orders that are looked at in one.
    private static let lookLimit = 1000
    /// So many orders in a row that are too young: the rest are young too, since numbers grow with time. One alone may
    /// be of a clock that ran ahead.
    private static let youngLimit = 100

    /// - Returns: where to go on.
    func tidy(_ keep: UsageRetention, from place: Tidying.Place) throws -> Tidying.Place {
        var place = place
        var left = Self.tidyLimit
        var looks = Self.lookLimit
        let samplesEnded = try walk("resource_usage", from: &place.samples, &looks, &left) { order, left in
            switch order.fate(keep) {
            case .stay: nil
            case .becomeMinutes: try makeMinutes(of: order.number, limit: left)
            case .go: try delete(from: "resource_usage", of: order.number, limit: left)
            }
        }
        guard samplesEnded else { return place }
        place.isAtEnd = try walk("resource_usage_minutes", from: &place.minutes, &looks, &left) { order, left in
            order.fate(keep) == .go
                ? try delete(from: "resource_usage_minutes", of: order.number, limit: left) : nil
        }
        return place
    }

    private struct AgedOrder {
        var number: Int64
        var submittedAt: Timestamp
        var hasEnded: Bool

        func fate(_ keep: UsageRetention) -> UsageRetention.Fate {
            keep.fate(ofOrderSubmittedAt: submittedAt, hasEnded: hasEnded)
        }
    }

    /// Goes over the orders that have rows in a table, by number: each is one look at its key. Rows of an order that is
    /// not there are as old as can be.
    /// - Parameters:
    ///   - left: how many rows may still be touched.
    ///   - see: sees to an order, and returns how many rows it touched; nil for an order that is left as it is.
    /// - Returns: whether no more orders are to be seen to.
    private func walk(
        _ table: String, from place: inout Int64, _ looks: inout Int, _ left: inout Int,
        _ see: (AgedOrder, Int) throws -> Int?
    ) throws -> Bool {
        let next = try cachedStatement(
            sql: """
                SELECT number, coalesce(submitted_at, 0), coalesce(state NOT IN ('accepted', 'running'), 1)
                FROM (SELECT min(order_id) AS number FROM \(table) WHERE order_id > ?)
                LEFT JOIN orders ON id = number WHERE number IS NOT NULL
                """)
        var young = 0
        while young < Self.youngLimit {
            guard looks > 0, left > 0 else { return false }
            looks -= 1
            guard let row = try Row.fetchOne(next, arguments: [place]) else { return true }
            let order = AgedOrder(
                number: row[0], submittedAt: Timestamp(microseconds: row[1]), hasEnded: row[2])
            if let touched = try see(order, left) {
                young = 0
                left -= touched
                // Where there was no room for all of it, the next piece begins with this order again.
                guard left > 0 else { return false }
            } else if order.hasEnded {
                young += 1
            }
            place = order.number
        }
        return true
    }

    /// - Returns: how many rows went; as many as the limit where there may be more.
    private func delete(from table: String, of order: Int64, limit: Int) throws -> Int {
        let bound = try Row.fetchOne(
            cachedStatement(
                sql: """
                    SELECT step, timestamp, resource_id FROM \(table) WHERE order_id = ?
                    ORDER BY step, timestamp, resource_id LIMIT 1 OFFSET ?
                    """), arguments: [order, limit - 1])
        guard let bound else {
            try run("DELETE FROM \(table) WHERE order_id = ?", [order])
            return changesCount
        }
        try run(
            "DELETE FROM \(table) WHERE order_id = ? AND (step, timestamp, resource_id) <= (?, ?, ?)",
            [order, bound[0] as Int64, bound[1] as Int64, bound[2] as Int64])
        return limit
    }

    /// A minute is not cut in two, unless it alone has more samples than a whole piece.
    /// - Returns: how many samples went, or the limit where there are more.
    private func makeMinutes(of order: Int64, limit: Int) throws -> Int {
        let (key, minute) = ("order_id, step, resource_id", UsageRetention.minute)
        // The first sample that has no room, and the minute that it is in.
        let bound = try Row.fetchOne(
            cachedStatement(
                sql: """
                    SELECT step, timestamp - timestamp % \(minute), timestamp FROM resource_usage
                    WHERE order_id = ? ORDER BY step, timestamp, resource_id LIMIT 1 OFFSET ?
                    """), arguments: [order, limit])
        let whole: [Int64] = bound.map { [$0[0], $0[1]] } ?? [.max, .max]
        let move = """
            INSERT INTO resource_usage_minutes (\(key), timestamp, task_id, value, low, high, seconds, samples)
            SELECT \(key), max(timestamp), task_id,
                coalesce(sum(value * seconds) / sum(seconds), avg(value)), min(value), max(value), sum(seconds), count(*)
            FROM resource_usage WHERE order_id = ? AND (step, timestamp) < (?, ?)
            GROUP BY \(key), timestamp / \(minute)
            ON CONFLICT DO NOTHING
            """
        let clear = "DELETE FROM resource_usage WHERE order_id = ? AND (step, timestamp) < (?, ?)"
        try run(move, [order] + whole)
        try run(clear, [order] + whole)
        guard let bound else { return changesCount }
        if changesCount == 0, limit == Self.tidyLimit {
            let cut: [Int64] = [order, bound[0], bound[2]]
            try run(move, cut)
            try run(clear, cut)
        }
        return limit
    }
}
