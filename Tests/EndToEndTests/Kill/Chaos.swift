import MillraceTesting
import Platform
import Synchronization

/// Submits the orders, and kills as planned meanwhile.
struct Chaos: Sendable {
    let site: Site
    let supervisor: Supervisor
    let load: Load
    let plan: KillPlan
    private let submitted = Submitted()

    init(site: Site, supervisor: Supervisor, load: Load, plan: KillPlan) {
        self.site = site
        self.supervisor = supervisor
        self.load = load
        self.plan = plan
    }

    /// How many orders have been answered.
    private final class Submitted: Sendable {
        let count = Atomic(0)
    }

    func run(using random: SeededGenerator) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await submit() }
            group.addTask { try await kill(using: random) }
            try await group.waitForAll()
        }
    }

    private func submit() async throws {
        for (index, order) in load.orders.enumerated() {
            // Every fifth is sent twice at once.
            async let second: Void? = index % 5 == 0 ? site.submit(order) : nil
            try await site.submit(order)
            _ = try await second
            submitted.count.add(1, ordering: .relaxed)
        }
    }

    private func kill(using generator: SeededGenerator) async throws {
        var random = generator
        for kill in plan.kills {
            try await eventually("\(kill.after) submissions and results") {
                try await supervisor.checkAlive()
                return submitted.count.load(ordering: .relaxed) + results() >= kill.after
            }
            random = try await supervisor.kill(kill.services, workers: kill.workers, using: random)
        }
    }

    /// The steps that have left a result.
    private func results() -> Int {
        let outputs = site.data + "/outputs"
        let orders = (try? Files.names(in: outputs)) ?? []
        return orders.reduce(0) { $0 + ((try? Files.names(in: "\(outputs)/\($1)").count) ?? 0) }
    }
}
