import MillracePorts
import MillraceTesting
import Testing

@Suite struct InMemoryOrderStoreTests {
    @Test(arguments: OrderStoreConformance.promises)
    func keeps(promise: ConformancePromise<OpenOrderStore>) async throws {
        let store = InMemoryOrderStore()
        try await promise.check { InMemoryOrderStore(sharing: store) }
    }
}
