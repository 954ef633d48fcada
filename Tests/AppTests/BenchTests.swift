import MillraceCore
import Testing

@testable import MillraceApp

/// The logic that some benches have of their own.
@Suite struct BenchTests {
    private func key(_ index: Int) throws -> StepKey { StepKey(order: try OrderID("order-\(index)"), index: 0) }

    private static let owners: [Set<Int>] = [[0, 1], [2, 3], [4, 5]]

    @Test("a load has the mean and the share of the time that were asked for, and a seed repeats it")
    func load() {
        let load = DispatchLoad(steps: 20_000, mean: 0.05, sigma: 1.5, load: 0.7, replicas: 8, seed: 3)
        #expect(abs(load.durations.reduce(0, +) / 20_000 - 0.05) < 1e-9)
        // Log-normal: the median is the mean by e to the half of sigma squared.
        #expect(abs(Distribution.quantile(0.5, of: load.durations.sorted()) - 0.05 * 0.3247) < 0.002)
        #expect(load.arrivals == load.arrivals.sorted())
        let offered = load.durations.reduce(0, +) / ((load.arrivals.last ?? 0) * 8)
        #expect(abs(offered - 0.7) < 0.03)
        let again = DispatchLoad(steps: 20_000, mean: 0.05, sigma: 1.5, load: 0.7, replicas: 8, seed: 3)
        #expect(again.arrivals == load.arrivals && again.durations == load.durations)
    }

    @Test("the hash of an order's id sends it to one partition, whatever is outstanding there")
    func hash() throws {
        var plan = DispatchPlan(.orderHash, owners: Self.owners, partitions: 6)
        let places = Set(try (0..<10).map { _ in plan.place(try key(1)) })
        #expect(places.count == 1)
    }

    @Test("the least loaded partition evens partitions out")
    func leastPartition() throws {
        var plan = DispatchPlan(.leastPartition, owners: Self.owners, partitions: 6)
        let places = try (0..<6).compactMap { plan.place(try key($0)) }
        #expect(Set(places) == Set(0..<6))
        plan.ended(try key(4), after: .seconds(1))
        #expect(plan.place(try key(6)) == places[4])
    }

    @Test("the least loaded owner evens owners out")
    func leastOwner() throws {
        var plan = DispatchPlan(.leastOwner, owners: Self.owners, partitions: 6)
        let places = try (0..<3).compactMap { plan.place(try key($0)) }
        #expect(Set(places.map { $0 / 2 }) == [0, 1, 2])
        plan.ended(try key(1), after: .seconds(1))
        #expect(plan.place(try key(3)).map { $0 / 2 } == places[1] / 2)
    }

    @Test("an owner that is not free is sent nothing")
    func freeOwner() throws {
        var plan = DispatchPlan(.freeOwner, owners: Self.owners, partitions: 6)
        let places = try (0..<3).compactMap { plan.place(try key($0)) }
        #expect(Set(places.map { $0 / 2 }) == [0, 1, 2])
        #expect(plan.place(try key(3)) == nil)
        plan.ended(try key(1), after: .seconds(1))
        #expect(plan.place(try key(3)).map { $0 / 2 } == places[1] / 2)
    }

    @Test("pauses are those of the first replicas; what was begun twice is counted")
    func rescale() throws {
        func at(_ milliseconds: Int) -> Timestamp { Timestamp(microseconds: Int64(milliseconds) * 1000) }
        var log = RescaleLog(replicas: 2)
        var step = 0
        func run(_ instance: String, _ start: Int, _ end: Int) throws {
            step += 1
            log.started(try key(step), run: try RunID("run\(step)"), by: instance, at: at(start))
            log.ended(by: instance, at: at(end))
        }
        try run("a", 0, 100)
        try run("a", 110, 200)
        try run("a", 500, 600)
        try run("b", 550, 900)
        try run("a", 610, 900)
        #expect(log.allReady == at(550))
        log.started(try key(1), run: try RunID("again"), by: "b", at: at(900))
        let outcome = log.outcome(wish: at(150), first: 1)
        #expect(outcome.redone == 1)
        #expect(abs(outcome.pause - 0.3) < 1e-9)
        #expect(abs(outcome.pauseBefore - 0.01) < 1e-9)
        #expect(abs(outcome.ready - 0.4) < 1e-9)
    }

    @Test("a password is taken out of a database's URL")
    func password() {
        let split = Psql.split("postgresql://me:a%20b@127.0.0.1:5432/db?sslmode=disable&options=-csearch_path%3Dx")
        #expect(split?.url == "postgresql://me@127.0.0.1:5432/db?sslmode=disable&options=-csearch_path%3Dx")
        #expect(split?.password == "a b")
        #expect(Psql.split("postgresql://127.0.0.1/db")?.password == nil)
        #expect(Psql.split("host=127.0.0.1") == nil)
    }
}
