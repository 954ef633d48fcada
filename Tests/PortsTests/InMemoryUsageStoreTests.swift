import MillraceCore
import MillracePorts
import MillraceTesting
import Testing

@Suite struct InMemoryUsageStoreTests {
    @Test(arguments: UsageStoreConformance.promises)
    func keeps(promise: Promise<OpenUsageStores>) async throws {
        let orders = InMemoryOrderStore()
        let usage = InMemoryUsageStore(orders: orders)
        try await promise.check {
            UsageStores(orders: InMemoryOrderStore(sharing: orders), usage: InMemoryUsageStore(sharing: usage))
        }
    }

    @Test func `it fails as long as it is told to`() async throws {
        let store = InMemoryUsageStore(orders: InMemoryOrderStore())
        store.failure = StoreError(.full, "testing")
        await #expect(throws: StoreError(.full, "testing")) {
            try await store.save(UsageStoreConformance.batch([], offsets: [0: 1]))
        }
        store.failure = nil
        #expect(try await store.resourceOffsets(node: "node").isEmpty)
    }

    @Test func `saves wait as long as it is told to hold them`() async throws {
        let store = InMemoryUsageStore(orders: InMemoryOrderStore())
        store.holdsSaves = true
        async let saved = store.save(UsageStoreConformance.batch([], offsets: [0: 1]))
        try await eventually("a save that waits") { store.heldSaves == 1 }
        #expect(try await store.resourceOffsets(node: "node").isEmpty)
        store.holdsSaves = false
        #expect(try await saved == 0)
        #expect(try await store.resourceOffsets(node: "node") == [0: 1])
    }
}
