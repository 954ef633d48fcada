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
}
