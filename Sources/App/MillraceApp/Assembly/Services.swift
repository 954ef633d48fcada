import Logging
import MillraceCore
import MillracePorts
import MonitorResources
import MonitorSystem
import Orchestrator
import Platform
import ProcessFleet
import ServiceLifecycle
import Worker

extension Adapters {
    func orchestrator(bus: any MessageBus, fleet: any Fleet) -> OrchestratorService {
        OrchestratorService(
            settings: OrchestratorSettings(
                tasks: settings.tasks.keys.sorted(), instance: instance("orchestrator"),
                taskPartitions: settings.partitions,
                maxPartitions: settings.tasks.values.map(\.scaling.maxPartitions).max() ?? 64,
                retention: settings.retention, lease: settings.lease, now: Self.now),
            bus: bus, fleet: fleet, logger: logger)
    }

    func monitorSystem(bus: any MessageBus, store: any OrderStore) -> MonitorSystemService {
        MonitorSystemService(
            settings: MonitorSettings(
                scaling: settings.tasks.mapValues(\.scaling), instance: instance("monitor-system"),
                lease: settings.lease, now: Self.now),
            bus: bus, store: store, logger: logger)
    }

    func monitorResources(bus: any MessageBus, usage: any UsageStore) -> MonitorResourcesService {
        MonitorResourcesService(
            settings: MonitorResourcesSettings(
                node: settings.node, period: settings.meteringPeriod, detail: settings.usageDetail,
                retention: settings.usageRetention, now: Self.now, uptime: { SystemClock.monotonicMicroseconds }),
            bus: bus, store: usage, source: Self.usageSource(), logger: logger)
    }

    func worker(
        _ task: TaskDefinition, _ runner: any TaskRunner, name: String, bus: any MessageBus, images: any ImageStore,
        onReady: @escaping @Sendable () -> Void
    ) -> WorkerService {
        WorkerService(
            settings: WorkerSettings(task: task, instance: name, lease: settings.lease, now: Self.now),
            bus: bus, images: images, runner: runner, meter: meter(of: task), logger: logger, onReady: onReady)
    }

    /// A service's name among those of its kind.
    func instance(_ service: String) -> String { "\(service)-\(settings.node)-\(OwnProcess.pid)" }
}

/// The fleet as a service: it acts on time while it runs, and ends its replicas when it is to stop.
struct FleetService: Service {
    let fleet: ProcessFleet

    func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [fleet] in await fleet.run() }
            try? await gracefulShutdown()
            await fleet.shutdown()
            group.cancelAll()
        }
    }
}
