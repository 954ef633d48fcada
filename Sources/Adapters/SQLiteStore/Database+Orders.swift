internal import GRDB
internal import MillraceCore
internal import MillracePorts

/// A new order as the table takes it: encoded by its caller, so that the writer has less to do.
struct NewOrderRow: Sendable {
    let id: String
    let contentHash: String
    let content: String
    let submittedAt: Int64
    let traceparent: String?

    init(_ new: NewOrder) {
        id = new.order.id.text
        contentHash = new.contentHash
        content = String(decoding: new.order.encoded, as: UTF8.self)
        submittedAt = new.submittedAt.microseconds
        traceparent = new.traceparent
    }
}

extension Database {
    /// Runs a prepared statement. Its arguments are not counted: the statements are our own, and this is the hot path.
    func run(_ sql: String, _ arguments: [(any DatabaseValueConvertible)?]) throws {
        let statement = try cachedStatement(sql: sql)
        statement.setUncheckedArguments(StatementArguments(arguments))
        try statement.execute()
    }

    /// All of the orders or, where one conflicts, none.
    func insert(_ orders: [NewOrderRow]) throws -> [Insertion] {
        guard orders.count > 1 else { return try orders.map(insert) }
        var insertions: [Insertion] = []
        try inSavepoint {
            insertions = try orders.map(insert)
            return insertions.contains(.conflict) ? .rollback : .commit
        }
        return insertions
    }

    private func insert(_ order: NewOrderRow) throws -> Insertion {
        try run(
            """
            INSERT INTO orders (user_id, state, published, submitted_at, content_hash, traceparent, content)
            VALUES (?, 'accepted', 0, ?, ?, ?, ?) ON CONFLICT (user_id) DO NOTHING
            """, [order.id, order.submittedAt, order.contentHash, order.traceparent, order.content])
        guard changesCount == 0 else { return .inserted }
        let statement = try cachedStatement(sql: "SELECT content_hash, published FROM orders WHERE user_id = ?")
        guard let row = try Row.fetchOne(statement, arguments: [order.id]) else { return .conflict }
        return row[0] == order.contentHash ? .same(isPublished: row[1]) : .conflict
    }

    func markPublished(_ ids: [OrderID]) throws {
        for id in ids {
            try run("UPDATE orders SET published = 1 WHERE user_id = ? AND published = 0", [id.text])
        }
    }
}
