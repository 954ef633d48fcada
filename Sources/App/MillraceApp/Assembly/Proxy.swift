import MillracePorts
import ServiceLifecycle
struct NoProxy: Service { func run() async throws { try await gracefulShutdown() } }
extension Adapters {
    func proxyServer(bus: any MessageBus, store: any OrderStore, images: any ImageStore) -> NoProxy { NoProxy() }
}
