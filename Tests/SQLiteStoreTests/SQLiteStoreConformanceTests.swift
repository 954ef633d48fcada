import MillracePorts
import MillraceTesting
import SQLiteStore
import Synchronization
import Testing

@Suite struct SQLiteStoreConformanceTests {
    @Test(arguments: OrderStoreConformance.promises)
    func keeps(promise: Promise<OpenOrderStore>) async throws {
        try await withTemporaryFolder { folder in
            let opened = Mutex<[SQLiteOrderStore]>([])
            try await promise.check {
                let store = try await SQLiteOrderStore.open(path: folder + "/millrace.sqlite")
                opened.withLock { $0.append(store) }
                return store
            }
            for store in opened.withLock({ $0 }) { await store.close() }
        }
    }

    @Test(arguments: UsageStoreConformance.promises)
    func `keeps, beside orders,`(promise: Promise<OpenUsageStores>) async throws {
        try await withTemporaryFolder { folder in
            let opened = Mutex<[UsageStores]>([])
            try await promise.check {
                let orders = try await SQLiteOrderStore.open(path: folder + "/millrace.sqlite")
                let stores = UsageStores(orders: orders, usage: SQLiteUsageStore(sharing: orders))
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
