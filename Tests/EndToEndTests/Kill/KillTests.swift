import MillraceCore
import MillraceTesting
import Platform
import Testing

extension EndToEnd {
    /// Nothing is lost and nothing happens twice, whatever is killed.
    ///
    /// A seed makes the orders and the kills. Where a kill meets the services is the machine's business: what must come
    /// out is the same.
    @Suite struct KillTests {
        @Test(arguments: Seeds.all)
        func `every accepted order finishes, each step once, whatever is killed`(seed: UInt64) async throws {
            try await run(seed: seed, seed % 2 == 0 ? .up : .services)
        }

        private func run(seed: UInt64, _ mode: Supervisor.Mode) async throws {
            var random = SeededGenerator(seed: seed)
            let (forOrders, forPlan) = (random.next(), random.next())
            try await Site.with(Load.configuration) { site in
                let supervisor = Supervisor(mode, site)
                try await supervisor.start()
                var random = SeededGenerator(seed: forOrders)
                let load = try await Load(site, count: 40, using: &random)
                random = SeededGenerator(seed: forPlan)
                let plan = KillPlan(
                    total: load.orders.count + load.resultCount, services: supervisor.services, using: &random)
                do {
                    try await Chaos(site: site, supervisor: supervisor, load: load, plan: plan).run(using: random)
                    try await Account(site: site, load: load).check()
                    try await supervisor.stop()
                    try await Account(site: site, load: load).checkRemains()
                } catch {
                    throw Broken("seed \(seed), \(mode.rawValue), kills \(plan): \(error)")
                }
            }
        }
    }
}

/// Twenty, or those of `KILL_SEEDS`, as in `KILL_SEEDS=1-500` or `KILL_SEEDS=17`.
enum Seeds {
    static let all: [UInt64] = {
        guard let text = Launch.ownEnvironment["KILL_SEEDS"] else { return Array(1...20) }
        let bounds = text.split(separator: "-").compactMap { UInt64($0) }
        guard let first = bounds.first, let last = bounds.last, first <= last else { return Array(1...20) }
        return Array(first...last)
    }()
}
