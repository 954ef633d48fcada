import MillracePorts
import MillraceTesting
import PostgresStore
import Synchronization
import Testing

@Suite struct PostgresStoreConformanceTests {
    @Test(arguments: OrderStoreConformance.promises)
    func keeps(promise: Promise<OpenOrderStore>) async throws {
        try await withDatabase { url in
            let opened = Mutex<[PostgresOrderStore]>([])
            try await promise.check {
                let store = try await PostgresOrderStore.open(url: url)
                opened.withLock { $0.append(store) }
                return store
            }
            for store in opened.withLock({ $0 }) { await store.close() }
        }
    }

    @Test(arguments: UsageStoreConformance.promises)
    func keeps(promise: Promise<OpenUsageStores>) async throws {
        try await withDatabase { url in
            let opened = Mutex<[UsageStores]>([])
            try await promise.check {
                let orders = try await PostgresOrderStore.open(url: url)
                let stores = UsageStores(orders: orders, usage: PostgresUsageStore(sharing: orders))
                opened.withLock { $0.append(stores) }
                return stores
            }
            for stores in opened.withLock({ $0 }) {
                await stores.usage.close()
                await stores.orders.close()
            }
        }
    }
}
