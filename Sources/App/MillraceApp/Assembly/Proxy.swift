import MillraceCore
import MillracePorts
import ProxyServer

extension Adapters {
    /// - Parameter onReady: called with the port once it listens.
    func proxyServer(
        bus: any MessageBus, stores: Stores, images: any ImageStore,
        onReady: @escaping @Sendable (Int) -> Void = { _ in }
    ) -> ProxyServerService {
        let runners = settings.tasks.compactMapValues { BuiltinTasks.runner(for: $0) }
        return ProxyServerService(
            settings: ProxySettings(
                host: settings.host, port: settings.port, imageRoot: settings.imageRoot,
                orderBodyLimit: settings.orderLimit, imageLimit: settings.imageLimit, tasks: settings.tasks,
                validate: { (task, parameters) throws(InvalidValue) in try runners[task]?.validate(parameters) },
                now: Self.now),
            bus: bus, store: stores.orders, usage: stores.usage, images: images, logger: logger, onReady: onReady)
    }
}
