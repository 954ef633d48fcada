internal import MillraceCore
internal import MillracePorts

/// A new order as the table takes it: encoded by its caller, so that the writer has less to do.
struct NewOrderRow: Sendable {
    let id: String
    let contentHash: String
    let content: String
    let submittedAt: Timestamp
    let traceparent: String?

    init(_ new: NewOrder) {
        id = new.order.id.text
        contentHash = new.contentHash
        content = String(decoding: new.order.encoded, as: UTF8.self)
        submittedAt = new.submittedAt
        traceparent = new.traceparent
    }
}

/// Which orders of several callers are to be inserted, all of a caller's or none, and what each caller is told: decided
/// on what is known to be there.
struct InsertPlan {
    struct Present {
        var contentHash: String
        var isPublished: Bool
    }

    private(set) var rows: [NewOrderRow] = []
    /// One for each caller.
    private(set) var answers: [[Insertion]] = []

    init(_ callers: [[NewOrderRow]], present: [String: Present]) {
        var taken: [String: String] = [:]
        for caller in callers {
            var own: [String: String] = [:]
            var new: [NewOrderRow] = []
            let answer = caller.map { row -> Insertion in
                if let hash = own[row.id] ?? taken[row.id] {
                    return hash == row.contentHash ? .same(isPublished: false) : .conflict
                }
                if let there = present[row.id] {
                    return there.contentHash == row.contentHash ? .same(isPublished: there.isPublished) : .conflict
                }
                own[row.id] = row.contentHash
                new.append(row)
                return .inserted
            }
            answers.append(answer)
            guard !answer.contains(.conflict) else { continue }
            taken.merge(own) { old, _ in old }
            rows += new
        }
    }

    /// Whether it does not matter if some of them turn out to be there: each caller has one order at most, and what is
    /// there already can be looked up afterwards.
    static func isIndependent(_ callers: [[NewOrderRow]]) -> Bool { callers.allSatisfy { $0.count <= 1 } }
}

extension Statement {
    /// Returns the ids of those that were not there.
    static func insert(_ rows: [NewOrderRow]) -> Statement {
        Statement(
            """
            INSERT INTO orders (user_id, state, published, submitted_at, content_hash, traceparent, content)
            SELECT new.id, 'accepted', false, new.at, new.hash, new.trace, new.content
            FROM unnest($1, $2, $3, $4, $5) WITH ORDINALITY AS new (id, at, hash, trace, content, place)
            ORDER BY new.place ON CONFLICT (user_id) DO NOTHING RETURNING user_id
            """, rows.map(\.id), rows.map(\.submittedAt), rows.map(\.contentHash), rows.map(\.traceparent),
            rows.map(\.content))
    }

    static func lookUp(_ ids: [String]) -> Statement {
        Statement("SELECT user_id, content_hash, published FROM orders WHERE user_id = ANY ($1)", ids)
    }

    /// Rows are locked by number, here and wherever several orders change: so nobody waits in a circle.
    static func markPublished(_ ids: [String]) -> Statement {
        Statement(
            """
            UPDATE orders SET published = true FROM (
                SELECT id FROM orders WHERE user_id = ANY ($1) AND NOT published ORDER BY id FOR NO KEY UPDATE
            ) AS due WHERE orders.id = due.id
            """, ids)
    }
}
