import Logging
import MillracePorts
import Platform
import ServiceLifecycle

/// Every service of one machine in this process, as `up` runs them; replicas are its children.
struct Machine: Sendable {
    let adapters: Adapters
    let bus: any MessageBus
    let stores: Stores
    let images: any ImageStore

    /// Opens what the services share.
    /// - Throws: `Failure` where another `up` runs on the same folder, or something cannot be opened.
    static func open(_ adapters: Adapters) async throws -> (Machine, FileLock) {
        let lock = try FileLock(path: adapters.folder.lock)
        // When an `up` is killed just as it starts a replica, that has the lock too until it runs its own program: some
        // milliseconds, in which whoever starts `up` again must not be turned away.
        var tries = 20
        while !lock.tryLock() {
            tries -= 1
            guard tries > 0 else {
                throw Failure(
                    .failed,
                    "millrace: another `millrace up` runs on \(adapters.folder.path); stop it, or give --data DIR")
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        do {
            let machine = Machine(
                adapters: adapters, bus: try await adapters.bus(), stores: try await adapters.stores(),
                images: try await adapters.images())
            return (machine, lock)
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(.unreachable, "millrace: \(error)")
        }
    }

    /// Runs everything until a signal comes or `beside` returns; then what came in last stops first: no more orders,
    /// then decisions, then routing, then the replicas, each of which finishes its step, and last who meters them.
    /// - Parameter beside: runs beside the services once proxy-server listens, with its URL.
    func run(beside: @escaping @Sendable (_ url: String) async throws -> Void) async throws {
        let fleet = try adapters.fleet()
        let (urls, listening) = AsyncStream.makeStream(of: String.self, bufferingPolicy: .bufferingNewest(1))
        let host = adapters.settings.host.contains(":") ? "[\(adapters.settings.host)]" : adapters.settings.host
        let outcome = Outcome()
        let side = SideService {
            for await url in urls {
                do { try await beside(url) } catch { outcome.fail(error) }
                return
            }
        }
        try await adapters.serve([
            adapters.monitorResources(bus: bus, usage: stores.usage), FleetService(fleet: fleet),
            adapters.orchestrator(bus: bus, fleet: fleet), adapters.monitorSystem(bus: bus, store: stores.orders),
            adapters.proxyServer(bus: bus, stores: stores, images: images) {
                listening.yield("http://\(host):\($0)")
            },
            side,
        ]) {
            await stores.close()
            await bus.close()
        }
        if let error = outcome.error { throw error }
    }
}

/// Something that runs beside the services; they stop when it ends.
private struct SideService: Service {
    let body: @Sendable () async -> Void

    func run() async throws {
        await cancelWhenGracefulShutdown { await body() }
    }
}
