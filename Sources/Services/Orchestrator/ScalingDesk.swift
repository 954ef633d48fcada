import Logging
import MillraceCore
import MillracePorts
import ServiceSupport
import Synchronization

/// The router, shared by the loop that feeds it and the chain that commits.
final class SharedRouter: Sendable {
    private let router = Mutex(OrderRouter(partitions: [:]))

    func withLock<Value>(_ body: (inout sending OrderRouter) -> sending Value) -> sending Value {
        router.withLock(body)
    }
}

/// Does what SERVICE asks: grows the task's topic where replicas would be without a partition, scales the fleet, and
/// reports INSTANCE; also whenever the fleet changes by itself.
final class ScalingDesk: Sendable {
    private struct State {
        var isActive = false
        /// The latest wish for each task that has not been worked on.
        var asked: [TaskName: ServiceRequest] = [:]
        /// The latest wish for each task that the fleet has taken.
        var taken: [TaskName: ServiceRequest] = [:]
        var hasEnded = false
    }

    private let service: OrchestratorService
    private let outbox: Outbox
    private let router: SharedRouter
    private let state = Mutex(State())
    private let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    init(service: OrchestratorService, outbox: Outbox, router: SharedRouter) {
        self.service = service
        self.outbox = outbox
        self.router = router
        (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    var hasEnded: Bool { state.withLock { $0.hasEnded } }

    /// The orchestrator is active and knows what is under way: wishes may be worked on.
    func begin() {
        state.withLock { $0.isActive = true }
        wake.yield()
    }

    func ask(_ request: ServiceRequest) {
        state.withLock { state in
            let known = max(state.asked[request.task]?.number ?? 0, state.taken[request.task]?.number ?? 0)
            if request.number >= known { state.asked[request.task] = request }
        }
        wake.yield()
    }

    func run(onFailure: () -> Void) async throws {
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await self.work() }
                group.addTask {
                    for await status in self.service.fleet.changes() where self.state.withLock({ $0.isActive }) {
                        try await self.report(status.task, .success(status))
                    }
                }
                try await group.next()
                group.cancelAll()
            }
        } catch is CancellationError {
            return
        } catch {
            state.withLock { $0.hasEnded = true }
            onFailure()
            throw error
        }
    }

    private func work() async throws {
        var hasReported = false
        for await _ in wakes {
            guard state.withLock({ $0.isActive }) else { continue }
            if !hasReported {
                // Number 0: the monitor learns what there is, and asks again for what it wants.
                for task in service.settings.tasks { try await report(task, await status(task)) }
                hasReported = true
            }
            while let request = state.withLock({ $0.asked.popFirst()?.value }) {
                do throws(FleetError) {
                    let replicas = try await makeRoom(for: request)
                    // So that idle replicas go first.
                    for (instance, load) in router.withLock({ $0.loads(of: request.task) }) {
                        await service.fleet.mark(instance, of: request.task, idle: load == 0)
                    }
                    try await service.fleet.scale(request.task, to: replicas)
                    state.withLock { $0.taken[request.task] = request }
                    try await reportOrThrow(request.task, await status(request.task))
                } catch {
                    service.logger.warning("\(request.task) to \(request.replicas) replicas: \(error)")
                    try await report(request.task, .failure(error))
                }
            }
        }
    }

    /// Replicas beyond the partitions would do nothing: the topic is grown first.
    private func makeRoom(for request: ServiceRequest) async throws(FleetError) -> Int {
        do throws(BusError) {
            let partitions = try await service.bus.describe(topic: request.task.text).partitions.count
            let settings = service.settings
            guard request.replicas > partitions, partitions < settings.maxPartitions,
                service.bus.capabilities.contains(.growth)
            else { return min(request.replicas, partitions) }
            let wanted = min(settings.maxPartitions, max(request.replicas, partitions + settings.growth))
            try await service.bus.growTopic(request.task.text, to: wanted)
            router.withLock { $0.grown(request.task, to: wanted) }
            service.logger.info("topic \(request.task) grown from \(partitions) to \(wanted) partitions")
            return min(request.replicas, wanted)
        } catch {
            throw FleetError(.unavailable, "growing the topic \(request.task)", cause: error.description)
        }
    }

    private func status(_ task: TaskName) async -> Result<FleetStatus, FleetError> {
        do throws(FleetError) { return .success(try await service.fleet.status(of: task)) } catch {
            return .failure(error)
        }
    }

    private func reportOrThrow(_ task: TaskName, _ status: Result<FleetStatus, FleetError>) async throws(FleetError) {
        do {
            try await report(task, status)
        } catch {
            throw FleetError(.unavailable, "reporting \(task)", cause: "\(error)")
        }
    }

    private func report(_ task: TaskName, _ status: Result<FleetStatus, FleetError>) async throws {
        let taken = state.withLock { $0.taken[task] }
        let partitions = try await service.bus.describe(topic: task.text).partitions.count
        let report: InstanceReport
        switch status {
        case .success(let status):
            report = InstanceReport(
                task: task, current: status.ready, desired: status.desired, number: taken?.number ?? 0,
                partitions: partitions, problem: status.problem)
        case .failure(let error):
            report = InstanceReport(
                task: task, current: nil, desired: taken?.replicas ?? 0, number: taken?.number ?? 0,
                partitions: partitions, problem: error.description)
        }
        try await service.bus.publish([outbox.record(.instance(report), trace: nil)])
    }
}
