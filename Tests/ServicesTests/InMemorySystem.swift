import Logging
import MillraceCore
import MillracePorts
import MillraceTesting
import MonitorSystem
import Orchestrator
import ServiceLifecycle
import Worker

/// The three services that orders flow through, in memory, with a worker that is always there.
struct InMemorySystem: Sendable {
    let bus: InMemoryBus
    let store: InMemoryOrderStore
    let fleet: InMemoryFleet
    let images: InMemoryImageStore
    let task: TaskDefinition
    let now: @Sendable () -> Timestamp = { Timestamp(microseconds: 1_000_000) }

    init(
        bus: InMemoryBus = InMemoryBus(), store: InMemoryOrderStore = InMemoryOrderStore(),
        scaling: ScalingSettings = ScalingSettings()
    ) async throws {
        task = TaskDefinition(name: try TaskName("t"), kind: .builtin("t"), scaling: scaling)
        self.bus = bus
        self.store = store
        fleet = InMemoryFleet(tasks: [task.name])
        images = try InMemoryImageStore()
        for topic in [Topic.orchestrator, Topic.system, Topic.resource, Topic.deadLetter] {
            try await bus.createTopic(topic, partitions: 1, retention: .seconds(60))
        }
    }

    var logger: Logger {
        var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        return logger
    }

    /// Runs the services until `body` returns.
    func run(_ body: @escaping @Sendable () async throws -> Void) async throws {
        let services: [any Service] = [
            OrchestratorService(
                settings: OrchestratorSettings(tasks: [task.name], instance: "orchestrator-1", now: now), bus: bus,
                fleet: fleet, logger: logger),
            MonitorSystemService(
                settings: MonitorSettings(scaling: [task.name: task.scaling], instance: "monitor-1", now: now),
                bus: bus,
                store: store, logger: logger),
            WorkerService(
                settings: WorkerSettings(task: task, instance: "t-1", now: now), bus: bus, images: images,
                runner: PassThrough(), meter: NoMeter(), logger: logger),
        ]
        let group = ServiceGroup(services: services, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            try await body()
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    /// Takes orders as proxy-server does.
    func submit(_ ids: [String], steps: Int) async throws {
        let outbox = try await Outbox(bus: bus)
        let image = ImageReference.content(sha256: String(repeating: "a", count: 64))
        for id in ids {
            let order = Order(
                id: try OrderID(id), image: image, tasks: Array(repeating: TaskCall(task.name), count: steps))
            _ = try await store.insert([NewOrder(order: order, contentHash: id, submittedAt: now())])
            try await bus.publish([outbox.record(.start(order), trace: nil)])
        }
    }

    func state(of id: String) async throws -> OrderProgress? { try await store.order(try OrderID(id))?.progress }

    func waitForEnd(of ids: [String]) async throws {
        for id in ids { try await eventually("the end of \(id)") { try await state(of: id)?.state.hasEnded == true } }
    }
}

/// Passes its input on; orders whose id begins with `bad` fail.
struct PassThrough: TaskRunner {
    var leavesOutput: Bool { false }
    func validate(_ parameters: [String: JSONValue]) throws(InvalidValue) {}

    func run(_ request: TaskRequest) async throws(TaskError) -> TaskResult {
        if request.step.order.text.hasPrefix("bad") { throw TaskError(.permanent, "it is bad") }
        return TaskResult(file: nil)
    }
}
