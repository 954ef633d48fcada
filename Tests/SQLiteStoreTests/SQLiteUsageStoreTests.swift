import GRDB
import MillraceCore
import MillracePorts
import MillraceTesting
import Platform
@testable import SQLiteStore
import Testing

@Suite struct SQLiteUsageStoreTests {
    typealias Suite = UsageStoreConformance

    @Test func `a row has numbers alone`() async throws {
        try await withUsage { _, usage, file in
            try await usage.save(Suite.batch([Suite.sample("a", 0, "resize", at: 1, cpu: 0.5, disk: 2)]))
            let rows = try await file.read { database in
                try Row.fetchAll(
                    database,
                    sql: """
                        SELECT order_id, task_id, resource_id, value, timestamp, step, seconds FROM resource_usage
                        """
                ).map { $0.databaseValues.map { Double.fromDatabaseValue($0) } }
            }
            let time = Double(Suite.time(1).microseconds)
            #expect(rows == [[1, 1, 1, 0.5, time, 0, 1], [1, 1, 3, 2, time, 0, 1]])
            let names = try await file.read { try Row.fetchAll($0, sql: "SELECT * FROM resources").map(\.description) }
            #expect(
                names == [
                    #"[id:1 name:"cpu" unit:"cores"]"#, #"[id:2 name:"ram" unit:"bytes"]"#,
                    #"[id:3 name:"disk" unit:"bytes/s"]"#,
                ])
        }
    }

    @Test func `the view has names, and samples and minutes together`() async throws {
        try await withUsage { orders, usage, file in
            try await Suite.finish(Suite.order("old", ["resize", "blur"]), at: [3, 5], in: orders)
            try await usage.save(
                Suite.batch([
                    Suite.sample("old", 1, "blur", at: 4.5, seconds: 0.5, cpu: 1),
                    Suite.sample("old", 1, "blur", at: 5, seconds: 0.5, cpu: 2),
                    Suite.sample("a", 0, "resize", at: 1, ram: 7),
                ]))
            while try await usage.tidy(Suite.retention(samples: 1, minutes: 0)) {}
            let rows = try await file.read { database in
                try Row.fetchAll(
                    database,
                    sql: """
                        SELECT order_name, task, step, resource, unit, value, seconds, second, low, high FROM usage
                        ORDER BY order_name
                        """
                ).map(\.description)
            }
            // The order "a" has no step that has started: when its sample was, within it, is not known.
            #expect(
                rows == [
                    """
                    [order_name:"a" task:"resize" step:0 resource:"ram" unit:"bytes" value:7.0 seconds:1.0 \
                    second:NULL low:7.0 high:7.0]
                    """,
                    """
                    [order_name:"old" task:"blur" step:1 resource:"cpu" unit:"cores" value:1.5 seconds:1.0 \
                    second:1.0 low:1.0 high:2.0]
                    """,
                ])
        }
    }

    @Test(arguments: [
        "SELECT * FROM usage WHERE order_name = 'a'",
        "SELECT * FROM usage WHERE order_name = 'a' AND step = 1 AND resource = 'cpu' ORDER BY timestamp",
        "SELECT min(order_id) FROM resource_usage WHERE order_id > 7",
        "SELECT 1 FROM order_steps WHERE state = 'finished' AND task_id = 7",
    ])
    func `what is asked for is found by its key`(query: String) async throws {
        try await withUsage { _, _, file in
            let plan = try await file.read { database in
                try Row.fetchAll(database, sql: "EXPLAIN QUERY PLAN " + query).map { $0["detail"] as String }
            }
            for table in ["resource_usage", "resource_usage_minutes", "usage", "orders", "order_steps"] {
                #expect(!plan.contains("SCAN \(table)"), "\(plan)")
            }
            #expect(plan.contains { $0.hasPrefix("SEARCH") }, "\(plan)")
        }
    }

    @Test func `finished steps are read in their index's order, and no further than they are asked for`() async throws {
        try await withUsage { _, _, file in
            let plan = try await file.read { database in
                try Row.fetchAll(
                    database,
                    sql: """
                        EXPLAIN QUERY PLAN SELECT step FROM order_steps WHERE state = 'finished' AND task_id = 7
                        ORDER BY finished_at DESC, order_id DESC, step DESC
                        """
                ).map { $0["detail"] as String }
            }
            #expect(plan.count == 1 && plan[0].contains("order_steps_finished"), "\(plan)")
        }
    }

    @Test(arguments: ["UPDATE resource_usage SET resource_id = 9", "UPDATE resource_usage SET task_id = 9"])
    func `a row that cannot be read is an error, not a crash`(damage: String) async throws {
        try await withUsage { _, usage, file in
            try await usage.save(Suite.batch([Suite.sample("a", 0, "resize", at: 1, cpu: 0.5)]))
            try await file.write { try $0.execute(sql: damage) }
            let error = await #expect(throws: StoreError.self) { _ = try await usage.usage(of: OrderID("a")) }
            #expect(error?.code == .corrupt)
        }
    }

    @Test func `numbers are remembered up to a bound, the latest of them`() throws {
        let numbers = UsageNumbers()
        let orders = try (0..<10_000).map { try OrderID("order\($0)") }
        for (number, order) in orders.enumerated() {
            var found = UsageNumbers.Found()
            found.orders[order] = Int64(number)
            numbers.add(found)
        }
        let latest = Set(orders.suffix(4096))
        #expect(Set(numbers.look(orders: latest).keys) == latest)
        #expect(numbers.look(orders: Set(orders.prefix(1000))).isEmpty)
    }

    @Test func `tasks of orders that are not there get no numbers`() async throws {
        try await withUsage { _, usage, file in
            let samples = try [("b", "unknown"), ("a", "resize")].map { try Suite.sample($0, 0, $1, at: 1, cpu: 1) }
            #expect(try await usage.save(Suite.batch(samples)) == 1)
            #expect(try await file.read { try String.fetchAll($0, sql: "SELECT name FROM tasks") } == ["resize"])
        }
    }

    /// With the order `a` of one step `resize` in it.
    private func withUsage(
        _ body: (SQLiteOrderStore, SQLiteUsageStore, DatabaseQueue) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder in
            let orders = try await SQLiteOrderStore.open(path: folder + "/store.sqlite")
            let usage = SQLiteUsageStore(sharing: orders)
            _ = try await orders.insert([Suite.order("a", ["resize"])])
            try await body(orders, usage, DatabaseQueue(path: folder + "/store.sqlite"))
            await usage.close()
            await orders.close()
        }
    }
}
