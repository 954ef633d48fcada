import MillracePorts
import MillraceTesting
import Testing

@Suite struct InMemoryOrderStoreTests {
    @Test(arguments: OrderStoreConformance.promises)
    func keeps(promise: Promise<OpenOrderStore>) async throws {
        let store = InMemoryOrderStore()
        try await promise.check { InMemoryOrderStore(sharing: store) }
    }
}
