import Foundation
import GRDB
import MillraceCore
import MillracePorts
import MillraceTesting
import Platform
@testable import SQLiteStore
import Testing

@Suite struct SQLiteUsageFileTests {
    typealias Suite = UsageStoreConformance

    @Test func `a file of version 1 becomes one of this version and keeps its rows`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/store.sqlite"
            let new = try Suite.order("a", ["resize"])
            let old = try DatabasePool(path: path)
            try Schema.prepare(old, upTo: "1 orders")
            try await old.write { database in
                try database.execute(sql: "INSERT INTO tasks (id, name) VALUES (5, 'resize')")
                try database.execute(
                    sql: """
                        INSERT INTO orders (user_id, state, published, submitted_at, content_hash, content)
                        VALUES ('a', 'running', 1, 7, 'content', ?)
                        """, arguments: [String(decoding: new.order.encoded, as: UTF8.self)])
                try database.execute(
                    sql: """
                        INSERT INTO order_steps (order_id, step, task_id, state, attempt, run, started_at, finished_at)
                        VALUES (1, 0, 5, 'finished', 1, 'run', 8, 9);
                        INSERT INTO step_totals (order_id, step, run, cpu_seconds, peak_ram_bytes)
                        VALUES (1, 0, 'run', 1.5, 77)
                        """)
            }
            try old.close()
            let orders = try await SQLiteOrderStore.open(path: path)
            let usage = SQLiteUsageStore(sharing: orders)
            let totals = RunTotals(cpu: .milliseconds(1500), peakRAM: 77)
            let progress = try await orders.order(new.order.id)?.progress
            #expect(progress?.state == .running)
            #expect(progress?.steps.map(\.totals) == [totals])
            let steps = try await usage.finishedSteps(of: TaskName("resize"), limit: 9)
            #expect(steps.map(\.totals) == [totals])
            #expect(steps.map(\.finishedAt.microseconds) == [9])
            #expect(try await usage.save(Suite.batch([Suite.sample("a", 0, "resize", at: 1, cpu: 1)])) == 0)
            #expect(try await usage.usage(of: TaskName("resize"), limit: 9, points: 9).count == 1)
            await orders.close()
            await usage.close()
        }
    }

    @Test func `a file that a foreign tool holds is waited for`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/store.sqlite"
            let orders = try await SQLiteOrderStore.open(path: path)
            let usage = SQLiteUsageStore(sharing: orders)
            _ = try await orders.insert([Suite.order("a", ["resize"])])
            var configuration = Configuration()
            configuration.allowsUnsafeTransactions = true
            let tool = try DatabaseQueue(path: path, configuration: configuration)
            try await tool.writeWithoutTransaction { try $0.execute(sql: "BEGIN EXCLUSIVE") }
            let batch = Suite.batch([try Suite.sample("a", 0, "resize", at: 1, cpu: 1)])
            async let unknown = usage.save(batch)
            let lock = try FileLock(path: path + ".lock")
            // The writer holds our own lock as long as it waits for SQLite's.
            try await eventually("the writer to come to the lock") {
                guard lock.tryLock() else { return true }
                lock.unlock()
                return false
            }
            try await tool.writeWithoutTransaction { try $0.execute(sql: "COMMIT") }
            #expect(try await unknown == 0)
            #expect(try await usage.usage(of: OrderID("a")).count == 1)
            await usage.close()
            await orders.close()
        }
    }

    @Test func `a full file refuses a batch, all of it, and keeps what it has`() async throws {
        try await withTemporaryFolder { folder in
            let orders = try await SQLiteOrderStore.open(
                path: folder + "/store.sqlite", settings: SQLiteStoreSettings(fileLimit: 256 << 10))
            let usage = SQLiteUsageStore(sharing: orders)
            _ = try await orders.insert([Suite.order("a", ["resize"])])
            var taken: Int64 = 0
            let error = await #expect(throws: StoreError.self) {
                while taken < 1000 {
                    let first = Double(taken) * 100
                    try await usage.save(
                        Suite.batch(
                            (0..<100).map { try Suite.sample("a", 0, "resize", at: first + Double($0), cpu: 1) },
                            offsets: [0: taken + 1]))
                    taken += 1
                }
            }
            #expect(error?.code == .full)
            #expect(taken > 1)
            #expect(try await usage.usage(of: OrderID("a")).first?.points.count == Int(taken) * 100)
            #expect(try await usage.resourceOffsets(node: "node") == [0: taken])
            // What is there already needs no room.
            #expect(try await usage.save(Suite.batch([Suite.sample("a", 0, "resize", at: 5, cpu: 1)])) == 0)
            await usage.close()
            await orders.close()
        }
    }

    @Test func `rows of an order that is not there go, and hold up none`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/store.sqlite"
            let orders = try await SQLiteOrderStore.open(path: path)
            let usage = SQLiteUsageStore(sharing: orders)
            _ = try await orders.insert([Suite.order("a", ["resize"])])
            try await usage.save(Suite.batch([Suite.sample("a", 0, "resize", at: 1, cpu: 1)]))
            // By a tool that minds no foreign keys, as the `sqlite3` shell.
            var configuration = Configuration()
            configuration.foreignKeysEnabled = false
            let tool = try DatabaseQueue(path: path, configuration: configuration)
            func rows() async throws -> [Int] {
                try await tool.read {
                    try Int.fetchAll($0, sql: "SELECT DISTINCT order_id FROM resource_usage ORDER BY order_id")
                }
            }
            try await tool.write {
                let columns = try $0.columns(in: "resource_usage").map(\.name).filter { $0 != "order_id" }
                    .joined(separator: ", ")
                for order in [77, 78] {
                    try $0.execute(
                        sql: """
                            INSERT INTO resource_usage (order_id, \(columns)) SELECT ?, \(columns) FROM resource_usage
                            WHERE order_id = 1
                            """, arguments: [order])
                }
            }
            #expect(try await rows() == [1, 77, 78])
            try await eventually("tidying to end") { try await !usage.tidy(Suite.retention(samples: 1, minutes: 1)) }
            #expect(try await rows() == [1])
            await usage.close()
            await orders.close()
        }
    }

    @Test func `two files open on one number new tasks alike`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/store.sqlite"
            let orders = try await SQLiteOrderStore.open(path: path)
            let tasks = (0..<20).map { "task\($0)" }
            _ = try await orders.insert([Suite.order("a", tasks)])
            await orders.close()
            let stores = [try await SQLiteUsageStore.open(path: path), try await SQLiteUsageStore.open(path: path)]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (step, task) in tasks.enumerated() {
                    for (index, store) in stores.enumerated() {
                        group.addTask {
                            try await store.save(
                                Suite.batch([Suite.sample("a", step, task, at: Double(index), cpu: 1)]))
                        }
                    }
                }
                try await group.waitForAll()
            }
            for store in stores {
                let found = try await store.usage(of: OrderID("a"))
                #expect(found.map(\.task.text) == tasks)
                #expect(found.allSatisfy { $0.points.count == 2 })
                await store.close()
            }
        }
    }

    @Test(arguments: [true, false])
    func `a shared file closes with the last of its stores`(ordersFirst: Bool) async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/store.sqlite"
            let orders = try await SQLiteOrderStore.open(path: path)
            let usage = SQLiteUsageStore(sharing: orders)
            _ = try await orders.insert([Suite.order("a", ["resize"])])
            if ordersFirst { await orders.close() } else { await usage.close() }
            // SQLite removes the log when the file is closed, and not before.
            #expect(FileManager.default.fileExists(atPath: path + "-wal"))
            if ordersFirst { await usage.close() } else { await orders.close() }
            #expect(!FileManager.default.fileExists(atPath: path + "-wal"))
            let late = SQLiteUsageStore(sharing: orders)
            let error = await #expect(throws: StoreError.self) { _ = try await late.drops(limit: 1) }
            #expect(error?.code == .closed)
            await late.close()
        }
    }

    /// 12,000 samples: an hour and more of two resources, and one minute that alone has more than a piece.
    @Test func `a piece of tidying touches no more than its limit`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/store.sqlite"
            let orders = try await SQLiteOrderStore.open(path: path)
            let usage = SQLiteUsageStore(sharing: orders)
            try await Suite.finish(Suite.order("a", ["resize", "blur"]), at: [3, 4], in: orders)
            let hour = try (0..<3000).map { try Suite.sample("a", 0, "resize", at: Double($0), cpu: 1, ram: 1) }
            let dense = try (0..<6000).map { try Suite.sample("a", 1, "blur", at: Double($0) / 100, cpu: 1) }
            try await usage.save(Suite.batch(hour + dense))
            let file = try DatabaseQueue(path: path)
            let count = { (table: String) in
                try await file.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM \(table)") ?? 0 }
            }
            for (table, minutes) in [("resource_usage", 0.0), ("resource_usage_minutes", 1.0)] {
                var left = try await count(table)
                var hasMore = true
                while hasMore {
                    hasMore = try await usage.tidy(Suite.retention(samples: 1, minutes: minutes))
                    let now = try await count(table)
                    #expect(left - now <= Database.tidyLimit)
                    left = now
                }
                #expect(left == 0)
                guard minutes == 0 else { continue }
                let samples = try await file.read {
                    try Int.fetchOne($0, sql: "SELECT sum(samples) FROM resource_usage_minutes")
                }
                #expect(samples == 12_000)
                #expect(try await count("resource_usage_minutes") == 102)
            }
            await usage.close()
            await orders.close()
        }
    }
}
