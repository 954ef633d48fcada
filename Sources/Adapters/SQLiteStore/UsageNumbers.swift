internal import MillraceCore
internal import Synchronization

/// The numbers of orders and tasks that were lately written of. They never change: no row of either table is deleted.
///
/// What a transaction found is added when it is on disk: one that is rolled back may have made a number itself.
final class UsageNumbers: Sendable {
    /// Numbers, looked up and found.
    struct Found: Sendable {
        var orders: [OrderID: Int64] = [:]
        var tasks: [TaskName: Int64] = [:]
    }

    private struct Known {
        // Some 200 bytes each: 2 MB. A node meters some hundreds of orders at a time, and few tasks.
        var orders = RecentNumbers<OrderID>(limit: 8192)
        var tasks = RecentNumbers<TaskName>(limit: 1024)
    }

    private let known = Mutex(Known())

    /// Those of them that are known.
    func look(orders: Set<OrderID>) -> [OrderID: Int64] {
        known.withLock { known in orders.reduce(into: [:]) { $0[$1] = known.orders[$1] } }
    }

    /// Those of them that are known.
    func look(tasks: Set<TaskName>) -> [TaskName: Int64] {
        known.withLock { known in tasks.reduce(into: [:]) { $0[$1] = known.tasks[$1] } }
    }

    func add(_ found: Found) {
        guard !found.orders.isEmpty || !found.tasks.isEmpty else { return }
        known.withLock { known in
            for (order, number) in found.orders { known.orders.add(number, for: order) }
            for (task, number) in found.tasks { known.tasks.add(number, for: task) }
        }
    }
}

/// Numbers in two halves: when the younger one is full, the older one is forgotten. What is asked for becomes young.
private struct RecentNumbers<Key: Hashable & Sendable>: Sendable {
    let limit: Int
    private var young: [Key: Int64] = [:]
    private var old: [Key: Int64] = [:]

    init(limit: Int) { self.limit = limit }

    subscript(key: Key) -> Int64? {
        mutating get {
            if let number = young[key] { return number }
            guard let number = old[key] else { return nil }
            add(number, for: key)
            return number
        }
    }

    mutating func add(_ number: Int64, for key: Key) {
        if young.count >= limit / 2 {
            old = young
            young.removeAll(keepingCapacity: true)
        }
        young[key] = number
    }
}
