internal import MillraceCore

/// The numbers of orders and tasks that were lately written of. They never change: no row of either table is deleted.
struct UsageNumbers: Sendable {
    // Some 200 bytes each: 2 MB. A node meters some hundreds of orders at a time, and few tasks.
    private static let limit = 8192

    private var orders: [OrderID: Int64] = [:]
    private var tasks: [TaskName: Int64] = [:]

    subscript(order: OrderID) -> Int64? { orders[order] }
    subscript(task: TaskName) -> Int64? { tasks[task] }

    /// Looks up those that are not known. Tasks that are new get numbers.
    mutating func find(orders newOrders: Set<OrderID>, tasks newTasks: Set<TaskName>, _ connection: Connection) throws {
        // Those of one batch are together what the next one will ask for.
        if orders.count > Self.limit { orders = [:] }
        if tasks.count > Self.limit { tasks = [:] }
        // In order, so that a replay numbers tasks alike.
        let names = newTasks.map(\.text).sorted()
        let rows = try connection.run([
            Statement("SELECT user_id, id FROM orders WHERE user_id = ANY ($1)", newOrders.map(\.text)),
            .addTasks(names), Statement("SELECT name, id FROM tasks WHERE name = ANY ($1)", names),
        ])
        try rows[0].forEach { row in
            guard let id = try? OrderID(try row.value(0)) else { return }
            orders[id] = try row.value(1)
        }
        try rows[2].forEach { row in tasks[try connection.taskName(row.value(0))] = try row.value(1) }
    }
}
