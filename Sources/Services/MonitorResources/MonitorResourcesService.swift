public import Logging
public import MillraceCore
public import MillracePorts
public import ServiceLifecycle
import ServiceSupport
import Synchronization

/// Meters every step that runs on its node: START and HALT from the `resource` topic, kernel counters at each tick,
/// samples to the store.
///
/// One runs on each node. Its state is the runs that are under way: the offset it saves is that of the oldest START
/// among them, so that a restart finds them again. What it cannot save it keeps, to a limit; then the oldest samples
/// are dropped, and counted. Exact totals do not come this way: they are saved with the step that they are of.
public struct MonitorResourcesService: Service {
    let settings: MonitorResourcesSettings
    let bus: any MessageBus
    let store: any UsageStore
    let source: any UsageSource
    let logger: Logger

    public init(
        settings: MonitorResourcesSettings, bus: any MessageBus, store: any UsageStore, source: any UsageSource,
        logger: Logger
    ) {
        self.settings = settings
        self.bus = bus
        self.store = store
        self.source = source
        self.logger = logger
    }

    public func run() async throws {
        let runs = NodeRuns(
            ResourceMonitor(period: settings.period, since: settings.uptime()),
            buffer: SampleBuffer(limit: settings.sampleLimit), logger: logger)
        let writer = UsageWriter(service: self, buffer: runs.buffer)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await writer.run() }
            var failure: (any Error)?
            do { try await cancelWhenGracefulShutdown { try await meter(runs) } } catch { failure = error }
            await catchUp(runs)
            // What is known by now is saved; a store that is away has a while yet, unless there is no time at all.
            runs.stop()
            group.addTask { [settings] in
                try? await settings.sleep(Self.patience)
                runs.buffer.abandon()
            }
            try await group.next()
            group.cancelAll()
            if let failure { throw failure }
        }
    }

    /// How long a stop waits for the bus, and then for the store.
    private static let patience: Duration = .seconds(10)

    /// Reads the ends of the steps that ended last.
    private func catchUp(_ runs: NodeRuns) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [logger] in
                do { try await ResourceFollower(service: self, runs: runs).catchUp() } catch {
                    logger.warning("the ends of some steps are read after the next start: \(error)")
                }
            }
            group.addTask { [settings] in try? await settings.sleep(Self.patience) }
            await group.next()
            group.cancelAll()
        }
    }

    /// Follows the topic and the ticks until it is cancelled.
    private func meter(_ runs: NodeRuns) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            let follower = ResourceFollower(service: self, runs: runs)
            group.addTask { try await follower.run() }
            group.addTask { await UsageTidier(service: self).run() }
            group.addTask { [source, settings] in
                await source.run(every: settings.period) {
                    runs.targets
                } deliver: { tick in
                    runs.take(tick)
                }
            }
            // The first to end is the one that failed, or all end since they are cancelled.
            try await group.next()
            group.cancelAll()
        }
    }
}

public struct MonitorResourcesSettings: Sendable {
    /// The node's name, as workers give it in START.
    public var node: String
    /// Between two samples of a step.
    public var period: Duration
    /// So long samples are kept as they were taken; then as minutes.
    public var detail: Duration
    /// So long minutes are kept.
    public var retention: Duration
    /// The most samples that wait for the store.
    public var sampleLimit: Int
    public var now: @Sendable () -> Timestamp
    /// Microseconds since the machine's boot.
    public var uptime: @Sendable () -> Int64
    public var sleep: @Sendable (Duration) async throws -> Void

    public init(
        node: String, period: Duration = .seconds(1), detail: Duration = .seconds(7 * 86_400),
        retention: Duration = .seconds(90 * 86_400), sampleLimit: Int = 100_000,
        now: @escaping @Sendable () -> Timestamp, uptime: @escaping @Sendable () -> Int64,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.node = node
        self.period = period
        self.detail = detail
        self.retention = retention
        self.sampleLimit = sampleLimit
        self.now = now
        self.uptime = uptime
        self.sleep = sleep
    }
}
