internal import MillraceCore
internal import Synchronization

/// The numbers of orders and tasks that were lately written of. They never change: no row of either table is deleted.
final class UsageNumbers: Sendable {
    /// Numbers, looked up and found.
    struct Found: Sendable {
        var orders: [OrderID: Int64] = [:]
        var tasks: [TaskName: Int64] = [:]
    }

    // Some 200 bytes each: 2 MB. A node meters some hundreds of orders at a time, and few tasks.
    private static let limit = 8192

    private let known = Mutex(Found())

    /// Those of them that are known; the rest are looked up, and remembered.
    func find(orders: Set<OrderID>, tasks: Set<TaskName>, _ connection: Connection) throws -> Found {
        var found = known.withLock { known in
            var found = Found()
            for order in orders { found.orders[order] = known.orders[order] }
            for task in tasks { found.tasks[task] = known.tasks[task] }
            return found
        }
        let newOrders = orders.filter { found.orders[$0] == nil }
        let newTasks = tasks.filter { found.tasks[$0] == nil }
        guard !newOrders.isEmpty || !newTasks.isEmpty else { return found }
        // In order, so that a replay numbers tasks alike.
        let names = newTasks.map(\.text).sorted()
        let rows = try connection.run([
            Statement("SELECT user_id, id FROM orders WHERE user_id = ANY ($1)", newOrders.map(\.text)),
            .addTasks(names), Statement("SELECT name, id FROM tasks WHERE name = ANY ($1)", names),
        ])
        try rows[0].forEach { row in
            guard let id = try? OrderID(try row.value(0)) else { return }
            found.orders[id] = try row.value(1)
        }
        try rows[2].forEach { row in found.tasks[try connection.taskName(row.value(0))] = try row.value(1) }
        remember(found)
        return found
    }

    private func remember(_ found: Found) {
        known.withLock { known in
            // Those of this batch are what the next one will ask for.
            if known.orders.count > Self.limit { known.orders = [:] }
            if known.tasks.count > Self.limit { known.tasks = [:] }
            known.orders.merge(found.orders) { _, new in new }
            known.tasks.merge(found.tasks) { _, new in new }
        }
    }
}
