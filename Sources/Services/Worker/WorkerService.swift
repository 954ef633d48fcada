public import Logging
public import MillraceCore
public import MillracePorts
public import ServiceLifecycle
import ServiceSupport

/// One replica of a task: takes steps from the task's topic, one at a time, runs them, reports, commits.
///
/// It reports a step before it begins the next, but does not wait for the report to be safe: a chain of receipts does,
/// and commits behind it. So a step of microseconds does not cost a disk's sync, and a replica that dies has its
/// uncommitted steps done again by another, which finds the results that are there.
public struct WorkerService: Service {
    let settings: WorkerSettings
    let bus: any MessageBus
    let images: any ImageStore
    let runner: any TaskRunner
    let meter: any RunMeter
    let logger: Logger
    let onReady: @Sendable () -> Void

    /// - Parameter onReady: called when the replica has joined its group.
    public init(
        settings: WorkerSettings, bus: any MessageBus, images: any ImageStore, runner: any TaskRunner,
        meter: any RunMeter, logger: Logger, onReady: @escaping @Sendable () -> Void = {}
    ) {
        self.settings = settings
        self.bus = bus
        self.images = images
        self.runner = runner
        self.meter = meter
        self.logger = logger
        self.onReady = onReady
    }

    public func run() async throws {
        let task = settings.task
        let membership = Membership(
            topic: task.name.text, group: task.name.text, name: settings.instance, lease: settings.lease,
            releaseTimeout: task.gracePeriod)
        let sessions = Sessions(name: "worker", bus: bus, logger: logger, sleep: settings.sleep)
        try await sessions.run(membership, prepare: { try await Outbox(bus: bus) }) { outbox, member, stop in
            onReady()
            var loop = WorkerLoop(service: self, outbox: outbox, member: member, stop: stop)
            try await loop.run()
        }
    }
}

public struct WorkerSettings: Sendable {
    public var task: TaskDefinition
    /// The replica's name.
    public var instance: String
    public var lease: Duration
    /// A step whose runs have ended so many workers fails.
    public var maximumDeaths: Int
    public var now: @Sendable () -> Timestamp
    public var sleep: @Sendable (Duration) async throws -> Void

    public init(
        task: TaskDefinition, instance: String, lease: Duration = .seconds(10), maximumDeaths: Int = 3,
        now: @escaping @Sendable () -> Timestamp,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.task = task
        self.instance = instance
        self.lease = lease
        self.maximumDeaths = maximumDeaths
        self.now = now
        self.sleep = sleep
    }
}
