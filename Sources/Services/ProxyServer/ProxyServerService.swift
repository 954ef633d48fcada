import Hummingbird
import HummingbirdCore
public import Logging
public import MillracePorts
import NIOCore
public import ServiceLifecycle

/// Takes orders and images over HTTP, and tells how orders come along.
///
/// An order is durable in the store before it is answered with 202; its START is published behind that by a
/// ``PublishPump``, again and again until the bus has it, and after a restart too.
public struct ProxyServerService: Service {
    let settings: ProxySettings
    let bus: any MessageBus
    let store: any OrderStore
    let usage: any UsageStore
    let images: any ImageStore
    let logger: Logger
    let onReady: @Sendable (Int) -> Void

    /// - Parameter onReady: called with the port once the server listens.
    public init(
        settings: ProxySettings, bus: any MessageBus, store: any OrderStore, usage: any UsageStore,
        images: any ImageStore, logger: Logger,
        onReady: @escaping @Sendable (Int) -> Void = { _ in }
    ) {
        self.settings = settings
        self.bus = bus
        self.store = store
        self.usage = usage
        self.images = images
        self.logger = logger
        self.onReady = onReady
    }

    /// Connections without a request are closed after this long, so that they cannot be collected.
    static let idleTimeout: TimeAmount = .seconds(75)

    private enum Part { case server, pump, limit }

    public func run() async throws {
        let pump = PublishPump(settings: settings, bus: bus, store: store, logger: logger)
        let server = application(pump)
        try await withThrowingTaskGroup(of: Part.self) { group in
            group.addTask {
                try await server.run()
                return .server
            }
            group.addTask {
                try await pump.run()
                return .pump
            }
            if try await group.next() == .server {
                // No request is under way any more: publish what they left, but not for ever.
                pump.stop()
                group.addTask { [settings] in
                    try? await settings.sleep(settings.drainLimit)
                    return .limit
                }
                if try await group.next() == .limit {
                    logger.warning("\(pump.status.queued) orders are not published yet; the next start will do it")
                }
            }
            group.cancelAll()
        }
    }

    private func application(_ pump: PublishPump) -> Application<ProxyResponder> {
        let responder = ProxyResponder(
            settings: settings, bus: bus, store: store, usage: usage, images: images, pump: pump, logger: logger)
        return Application(
            responder: responder, server: .http1(configuration: .init(idleTimeout: Self.idleTimeout)),
            configuration: ApplicationConfiguration(address: .hostname(settings.host, port: settings.port)),
            onServerRunning: { [onReady] channel in
                if let port = channel.localAddress?.port { onReady(port) }
            }, logger: logger)
    }
}
