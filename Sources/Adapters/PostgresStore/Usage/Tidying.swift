internal import MillraceCore
internal import MillracePorts
internal import Synchronization

/// How far housekeeping has come in its present round over partitions and both tables; it is for this process alone, and
/// begins anew with it.
final class Tidying: Sendable {
    struct Place: Hashable, Sendable {
        /// The numbers of the orders that were last seen to.
        var samples: Int64 = 0
        var minutes: Int64 = 0
        var hasSeenPartitions = false
        var isAtEnd = false
    }

    private let current = Mutex(Place())

    /// Where to go on.
    var place: Place {
        get { current.withLock { $0.isAtEnd ? Place() : $0 } }
        set { current.withLock { $0 = newValue } }
    }
}

/// A piece of housekeeping: samples become minutes, and both go. It has a connection of its own for a while: nobody
/// waits for it.
struct TidyPiece {
    /// The most rows that are moved or deleted in a transaction: some 50 ms.
    static let rowLimit = 10_000
    /// The most orders that are looked at in one.
    private static let lookLimit = 1000
    /// So many are asked for at once.
    private static let looksAtOnce = 100
    /// So many orders in a row that are too young: the rest are young too, since numbers grow with time. One alone may
    /// be of a clock that ran ahead.
    private static let youngLimit = 100

    let connection: Connection
    let keep: UsageRetention
    private var left = rowLimit
    private var looks = lookLimit

    init(_ connection: Connection, _ keep: UsageRetention) {
        self.connection = connection
        self.keep = keep
    }

    /// - Returns: where to go on.
    mutating func run(from place: Tidying.Place) throws -> Tidying.Place {
        var place = place
        if !place.hasSeenPartitions {
            let before = max(keep.samplesSince, keep.minutesSince)
            if try Partitions.dropOne(connection, before: before, goes: keep.minutesSince) { return place }
            place.hasSeenPartitions = true
        }
        do {
            // One monitor at a time: the others have nothing to do.
            let lock = Statement(
                "SELECT pg_try_advisory_xact_lock(1835625594, 'resource_usage_minutes'::regclass::oid::integer)")
            let isAlone: Bool? = try connection.run([Statement("BEGIN"), lock])[1].first?.value(0)
            if isAlone == true { try walk(&place) } else { place.isAtEnd = true }
            try connection.run([Statement("COMMIT")])
            return place
        } catch {
            connection.rollBack()
            throw error
        }
    }

    private mutating func walk(_ place: inout Tidying.Place) throws {
        let samplesEnded = try walk("resource_usage", from: &place.samples) { piece, order in
            switch order.fate(piece.keep) {
            case .stay: nil
            case .becomeMinutes: try piece.makeMinutes(of: order.number, limit: piece.left)
            case .go: try piece.delete(from: "resource_usage", of: order.number, limit: piece.left)
            }
        }
        guard samplesEnded else { return }
        place.isAtEnd = try walk("resource_usage_minutes", from: &place.minutes) { piece, order in
            guard order.fate(piece.keep) == .go else { return nil }
            return try piece.delete(from: "resource_usage_minutes", of: order.number, limit: piece.left)
        }
    }

    private struct AgedOrder {
        var number: Int64
        var submittedAt: Timestamp
        var hasEnded: Bool

        func fate(_ keep: UsageRetention) -> UsageRetention.Fate {
            keep.fate(ofOrderSubmittedAt: submittedAt, hasEnded: hasEnded)
        }
    }

    /// Goes over the orders that have rows in a table, by number.
    /// - Parameter see: sees to an order, and returns how many rows it touched; nil for an order that is left as it is.
    /// - Returns: whether no more orders are to be seen to.
    private mutating func walk(
        _ table: String, from place: inout Int64, _ see: (TidyPiece, AgedOrder) throws -> Int?
    ) throws -> Bool {
        var young = 0
        while looks > 0, left > 0 {
            let orders = try orders(in: table, after: place)
            for order in orders {
                looks -= 1
                if let touched = try see(self, order) {
                    young = 0
                    left -= touched
                    // Where there was no room for all of it, the next piece begins with this order again.
                    guard left > 0 else { return false }
                } else if order.hasEnded {
                    young += 1
                    if young >= Self.youngLimit { return true }
                }
                place = order.number
            }
            if orders.count < Self.looksAtOnce { return true }
        }
        return false
    }

    /// Each is one look at the key of each partition, however many rows it has.
    private func orders(in table: String, after place: Int64) throws -> [AgedOrder] {
        let statement = Statement(
            """
            WITH RECURSIVE walk (number, place) AS (
                (SELECT order_id, 1 FROM \(table) WHERE order_id > $1 ORDER BY order_id LIMIT 1)
                UNION ALL
                SELECT (SELECT order_id FROM \(table) WHERE order_id > number ORDER BY order_id LIMIT 1), place + 1
                FROM walk WHERE number IS NOT NULL AND place < \(Self.looksAtOnce)
            )
            SELECT number, submitted_at, state NOT IN ('accepted', 'running')
            FROM walk JOIN orders ON orders.id = number ORDER BY number
            """, place)
        return try connection.run(statement).map { row in
            AgedOrder(number: try row.value(0), submittedAt: try row.value(1), hasEnded: try row.value(2))
        }
    }
}
