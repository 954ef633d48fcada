import MillraceCore
import MillracePorts
import MillraceTesting
import PostgresStore
import Testing

@Suite struct OrderRowTests {
    @Test func `texts that PostgreSQL cannot have, and times beyond its own, come as near as they can`() async throws {
        try await withDatabase { url in
            let store = try await PostgresOrderStore.open(url: url)
            var new = try OrderStoreConformance.sample("a")
            new.traceparent = "with\0NUL, ä and 😀"
            new.submittedAt = Timestamp(microseconds: .min)
            #expect(try await store.insert([new]) == [.inserted])
            let found = try await store.unpublished(limit: 1).first
            #expect(found?.traceparent == "with NUL, ä and 😀")
            #expect(found.map { $0.submittedAt < Timestamp(microseconds: -200_000_000_000_000_000) } == true)
            await store.close()
        }
    }

    @Test(arguments: [
        "UPDATE orders SET state = 'odd'", "UPDATE orders SET content = '{'",
        "UPDATE order_steps SET state = 'odd'", "UPDATE order_steps SET run = '/'", "UPDATE order_steps SET step = 7",
        "UPDATE order_steps SET output = '../x'", "ALTER TABLE orders ALTER submitted_at TYPE text",
        "ALTER TABLE orders DROP COLUMN content",
    ])
    func `a row that cannot be read is an error, not a crash`(damage: String) async throws {
        try await withDatabase { url in
            let store = try await PostgresOrderStore.open(url: url)
            let new = try OrderStoreConformance.sample("a")
            _ = try await store.insert([new])
            var progress = OrderProgress(id: new.order.id, tasks: new.order.tasks.map(\.name))
            _ = progress.startStep(0, run: try RunID("run1"), instance: "i", at: Timestamp(microseconds: 1))
            var changes = MonitorChanges()
            changes.orders[new.order.id] = progress
            changes.steps[new.order.id] = [0]
            try await store.saveMonitor(MonitorSave(changes: changes, tasks: [], offsets: [:]), expected: [:])
            try await administer(url, damage)
            let error = await #expect(throws: StoreError.self) { _ = try await store.order(new.order.id) }
            #expect(error?.code == .corrupt)
            await store.close()
        }
    }
}
