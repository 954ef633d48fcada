public import Logging
public import MillraceCore
public import MillracePorts
public import ServiceLifecycle
import ServiceSupport

/// Knows every order, running and upcoming, keeps its state in the store, and decides each task's replicas.
///
/// One is active, others stand by. What it knows and the offset that it was read from are saved in one transaction, so
/// that a restart goes on exactly where the store is.
public struct MonitorSystemService: Service {
    let settings: MonitorSettings
    let bus: any MessageBus
    let store: any OrderStore
    let logger: Logger

    public init(settings: MonitorSettings, bus: any MessageBus, store: any OrderStore, logger: Logger) {
        self.settings = settings
        self.bus = bus
        self.store = store
        self.logger = logger
    }

    /// A step's hop is not to be slowed down by its own account, which may come a moment later and with others.
    static let linger: Duration = .milliseconds(2)

    public func run() async throws {
        let membership = Membership(
            topic: Topic.system, group: "monitor-system", name: settings.instance, sharing: .exclusive, start: .kept,
            lease: settings.lease, linger: Self.linger)
        let sessions = Sessions(name: "monitor-system", bus: bus, logger: logger, sleep: settings.sleep)
        try await sessions.run(membership, prepare: { try await Outbox(bus: bus) }) { outbox, member, stop in
            try await Monitoring(service: self, outbox: outbox, member: member, stop: stop).run()
        }
    }
}

public struct MonitorSettings: Sendable {
    public var scaling: [TaskName: ScalingSettings]
    public var instance: String
    public var lease: Duration
    public var now: @Sendable () -> Timestamp
    public var sleep: @Sendable (Duration) async throws -> Void

    public init(
        scaling: [TaskName: ScalingSettings], instance: String, lease: Duration = .seconds(10),
        now: @escaping @Sendable () -> Timestamp,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.scaling = scaling
        self.instance = instance
        self.lease = lease
        self.now = now
        self.sleep = sleep
    }
}
