import GRDB
import MillraceCore
import MillracePorts
import MillraceTesting
@testable import SQLiteStore
import Testing

@Suite struct SQLiteStoreFileTests {
    @Test func `an empty file becomes a store, and a store stays one`() async throws {
        try await withTemporaryFolder { folder in
            try writeFile("", to: folder + "/store.sqlite")
            for expected in [Insertion.inserted, .same(isPublished: false)] {
                let store = try await SQLiteOrderStore.open(path: folder + "/store.sqlite")
                #expect(try await store.insert([OrderStoreConformance.sample("a")]) == [expected])
                await store.close()
            }
        }
    }

    @Test func `a file of a later version is refused and says why`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/store.sqlite"
            try await SQLiteOrderStore.open(path: path).close()
            try await DatabaseQueue(path: path).write {
                try $0.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('99 later')")
            }
            let error = await #expect(throws: StoreError.self) {
                _ = try await SQLiteOrderStore.open(path: path)
            }
            #expect(error?.code == .corrupt)
            #expect(error?.cause?.contains("later version") == true)
        }
    }

    @Test func `a file that is no database is refused and left as it is`() async throws {
        try await withTemporaryFolder { folder in
            let text = String(repeating: "this is no database ", count: 100)
            try writeFile(text, to: folder + "/store.sqlite")
            let error = await #expect(throws: StoreError.self) {
                _ = try await SQLiteOrderStore.open(path: folder + "/store.sqlite")
            }
            #expect(error?.code == .corrupt)
            #expect(try readFile(folder + "/store.sqlite") == Array(text.utf8))
        }
    }

    @Test func `a folder that is not there is unavailable`() async throws {
        try await withTemporaryFolder { folder in
            let error = await #expect(throws: StoreError.self) {
                _ = try await SQLiteOrderStore.open(path: folder + "/absent/store.sqlite")
            }
            #expect(error?.code == .unavailable)
        }
    }

    @Test(arguments: [
        "UPDATE orders SET state = 'odd'", "UPDATE orders SET content = '{'",
        "UPDATE order_steps SET state = 'odd'", "UPDATE order_steps SET run = '/'", "UPDATE order_steps SET step = 7",
        "UPDATE order_steps SET output = '../x'",
    ])
    func `a row that cannot be read is an error, not a crash`(damage: String) async throws {
        try await withTemporaryFolder { folder in
            let store = try await SQLiteOrderStore.open(path: folder + "/store.sqlite")
            let new = try OrderStoreConformance.sample("a")
            _ = try await store.insert([new])
            var progress = OrderProgress(id: new.order.id, tasks: new.order.tasks.map(\.name))
            _ = progress.startStep(0, run: try RunID("run1"), instance: "i", at: Timestamp(microseconds: 1))
            var changes = MonitorChanges()
            changes.orders[new.order.id] = progress
            changes.steps[new.order.id] = [0]
            try await store.saveMonitor(MonitorSave(changes: changes, tasks: [], offsets: [:]), expected: [:])
            try await DatabaseQueue(path: folder + "/store.sqlite").write { try $0.execute(sql: damage) }
            let error = await #expect(throws: StoreError.self) { _ = try await store.order(new.order.id) }
            #expect(error?.code == .corrupt)
            await store.close()
        }
    }

    @Test func `what a call has returned is synced`() async throws {
        try await withTemporaryFolder { folder in
            let store = try await SQLiteOrderStore.open(path: folder + "/store.sqlite")
            let (synchronous, mode) = try await store.handle.file.pool.writeWithoutTransaction { database in
                (
                    try Int.fetchOne(database, sql: "PRAGMA synchronous"),
                    try String.fetchOne(database, sql: "PRAGMA journal_mode")
                )
            }
            // 2 is FULL.
            #expect(synchronous == 2)
            #expect(mode == "wal")
            await store.close()
        }
    }

    @Test(arguments: [
        ("state = 'accepted' AND state <> 'finished' AND id < 9", "orders_by_state"),
        ("published = 0", "orders_unpublished"),
    ])
    func `listings use the indexes that are made for them`(condition: String, index: String) async throws {
        try await withTemporaryFolder { folder in
            let store = try await SQLiteOrderStore.open(path: folder + "/store.sqlite")
            let plan = try await store.handle.file.pool.read { database -> String in
                try Row.fetchAll(database, sql: "EXPLAIN QUERY PLAN SELECT id FROM orders WHERE \(condition)")
                    .description
            }
            #expect(plan.contains(index))
            await store.close()
        }
    }
}
