public import Logging
public import MillraceCore
public import MillracePorts
public import ServiceLifecycle
import ServiceSupport

/// Routes every order from task to task and scales the fleet as monitor-system says.
///
/// One is active, others stand by. It keeps nothing: see ``OrderRouter`` for how it knows again what is under way.
public struct OrchestratorService: Service {
    let settings: OrchestratorSettings
    let bus: any MessageBus
    let fleet: any Fleet
    let logger: Logger

    public init(settings: OrchestratorSettings, bus: any MessageBus, fleet: any Fleet, logger: Logger) {
        self.settings = settings
        self.bus = bus
        self.fleet = fleet
        self.logger = logger
    }

    public func run() async throws {
        let membership = Membership(
            topic: Topic.orchestrator, group: "orchestrator", name: settings.instance, sharing: .exclusive,
            lease: settings.lease)
        let sessions = Sessions(name: "orchestrator", bus: bus, logger: logger, sleep: settings.sleep)
        try await sessions.run(membership, prepare: prepare) { outbox, member, stop in
            try await Routing(service: self, outbox: outbox, member: member, stop: stop).run()
        }
    }

    private func prepare() async throws -> Outbox {
        for task in settings.tasks {
            try await bus.createTopic(task.text, partitions: settings.taskPartitions, retention: settings.retention)
        }
        return try await Outbox(bus: bus)
    }
}

public struct OrchestratorSettings: Sendable {
    /// The tasks of the configuration, each of which has a topic.
    public var tasks: [TaskName]
    public var instance: String
    /// A task topic's partitions when it is made.
    public var taskPartitions: Int
    /// By how many partitions at least a task topic is grown.
    public var growth: Int
    public var maxPartitions: Int
    /// How long records of task topics are kept once they are done.
    public var retention: Duration
    public var lease: Duration
    public var now: @Sendable () -> Timestamp
    public var sleep: @Sendable (Duration) async throws -> Void

    public init(
        tasks: [TaskName], instance: String, taskPartitions: Int = 4, growth: Int = 4, maxPartitions: Int = 64,
        retention: Duration = .seconds(600), lease: Duration = .seconds(10), now: @escaping @Sendable () -> Timestamp,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.tasks = tasks
        self.instance = instance
        self.taskPartitions = taskPartitions
        self.growth = growth
        self.maxPartitions = maxPartitions
        self.retention = retention
        self.lease = lease
        self.now = now
        self.sleep = sleep
    }
}
