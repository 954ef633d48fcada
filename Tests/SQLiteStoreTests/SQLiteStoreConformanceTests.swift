import MillracePorts
import MillraceTesting
import SQLiteStore
import Synchronization
import Testing

@Suite struct SQLiteStoreConformanceTests {
    @Test(arguments: OrderStoreConformance.promises)
    func keeps(promise: ConformancePromise<OpenOrderStore>) async throws {
        let folder = try TemporaryFolder()
        let opened = Mutex<[SQLiteOrderStore]>([])
        try await promise.check {
            let store = try await SQLiteOrderStore.open(path: folder.path + "/millrace.sqlite")
            opened.withLock { $0.append(store) }
            return store
        }
        for store in opened.withLock({ $0 }) { await store.close() }
    }
}
