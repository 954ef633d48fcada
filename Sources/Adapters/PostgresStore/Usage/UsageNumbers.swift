internal import MillraceCore

/// The numbers of orders and tasks that were lately written of. They never change: no row of either table is deleted.
struct UsageNumbers: Sendable {
    // Some 200 bytes each: 2 MB. A node meters some hundreds of orders at a time, and few tasks.
    private static let limit = 8192

    private var orders: [OrderID: Int64] = [:]
    private var tasks: [TaskName: Int64] = [:]

    subscript(order: OrderID) -> Int64? { orders[order] }
    subscript(task: TaskName) -> Int64? { tasks[task] }

    /// Looks up those that are not known.
    mutating func find(_ new: Set<OrderID>, _ connection: Connection) throws {
        guard !new.isEmpty else { return }
        // Those of one batch are together what the next one will ask for.
        if orders.count > Self.limit { orders = [:] }
        let found = try connection.run(
            Statement("SELECT user_id, id FROM orders WHERE user_id = ANY ($1)", new.map(\.text)))
        try found.forEach { row in
            guard let id = try? OrderID(try row.value(0)) else { return }
            orders[id] = try row.value(1)
        }
    }

    /// Tasks that are new get numbers: in order, so that a replay numbers them alike.
    mutating func add(_ new: Set<TaskName>, _ connection: Connection) throws {
        guard !new.isEmpty else { return }
        if tasks.count > Self.limit { tasks = [:] }
        let names = new.map(\.text).sorted()
        let rows = try connection.run([
            .addTasks(names), Statement("SELECT name, id FROM tasks WHERE name = ANY ($1)", names),
        ])
        try rows.last?.forEach { row in tasks[try connection.taskName(row.value(0))] = try row.value(1) }
    }
}
