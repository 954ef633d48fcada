import MillraceCore
import MillraceTesting
import Testing

@Suite struct ThresholdPolicyTests {
    let settings = ScalingSettings(ordersPerReplica: 4, min: 0, max: 8, maxPartitions: 6)

    @Test(
        "replicas follow the orders, running and upcoming",
        arguments: [
            (0, 0, 0, 0), (1, 0, 0, 1), (0, 1, 0, 1), (2, 2, 0, 1), (2, 3, 0, 2), (3, 13, 1, 4), (100, 0, 0, 6),
            (0, 0, 3, 1),
        ])
    func target(_ running: Int, _ upcoming: Int, _ current: Int, _ expected: Int) {
        let demand = Demand(running: running, upcoming: upcoming)
        #expect(ThresholdPolicy.target(for: demand, current: current, settings: settings).replicas == expected)
    }

    @Test("a demand that moves about a threshold does not move the replicas")
    func hysteresis() {
        for orders in [9, 8, 9, 8, 7] {
            #expect(ThresholdPolicy.target(for: Demand(running: orders), current: 3, settings: settings).replicas == 3)
        }
        #expect(ThresholdPolicy.target(for: Demand(running: 6), current: 3, settings: settings).replicas == 2)
    }

    @Test("min holds without demand, max and partitions cap, and the reason says the numbers")
    func bounds() {
        let kept = ScalingSettings(ordersPerReplica: 4, min: 2, max: 3)
        #expect(ThresholdPolicy.target(for: Demand(), current: 3, settings: kept).replicas == 2)
        let (replicas, reason) = ThresholdPolicy.target(
            for: Demand(running: 40, upcoming: 2), current: 1, settings: kept)
        #expect(replicas == 3)
        #expect(reason == "40 running and 2 upcoming orders at 4 per replica ask for 11, capped at 3")
    }

    @Test(
        "impossible settings are refused with their field",
        arguments: [
            (ScalingSettings(ordersPerReplica: 0), "ordersPerReplica"), (ScalingSettings(min: -1), "min"),
            (ScalingSettings(max: 0), "max"), (ScalingSettings(min: 5, max: 4), "min"),
            (ScalingSettings(max: 65, maxPartitions: 64), "max"),
            (ScalingSettings(idleTimeout: .seconds(-1)), "idleTimeout"),
        ])
    func impossible(_ settings: ScalingSettings, _ field: String) {
        let error = #expect(throws: InvalidValue.self) { try settings.validate() }
        #expect(error?.field == field)
    }
}

@Suite struct TaskScalerTests {
    func scaler() throws -> TaskScaler {
        TaskScaler(task: try TaskName("blur"), settings: ScalingSettings(idleTimeout: .seconds(30)))
    }

    @Test("demand 0 starts the timer; at its end the last replica goes; a new order stops it")
    func idle() throws {
        var scaler = try scaler()
        let start = Timestamp(microseconds: 0)
        #expect(scaler.decide(Demand(running: 1), now: start)?.to == 1)
        #expect(scaler.decide(Demand(), now: start + .seconds(1)) == nil)
        #expect(scaler.decide(Demand(), now: start + .seconds(30)) == nil)
        #expect(scaler.decide(Demand(upcoming: 1), now: start + .seconds(30.5)) == nil)
        #expect(scaler.idleSince == nil)
        #expect(scaler.decide(Demand(), now: start + .seconds(40)) == nil)
        #expect(scaler.nextLook(now: start + .seconds(40)).map { $0 - start } != nil)
        let decision = scaler.decide(Demand(), now: start + .seconds(70))
        #expect(decision?.to == 0)
        #expect(decision?.reason == "no order has required it for 30.0 s")
        #expect(scaler.decide(Demand(), now: start + .seconds(100)) == nil)
    }

    @Test("a wish is repeated until the fleet agrees, and then no more")
    func levelTriggered() throws {
        var scaler = try scaler()
        let start = Timestamp(microseconds: 0)
        #expect(scaler.dueService(now: start) == nil)
        _ = scaler.decide(Demand(running: 9), now: start)
        #expect(scaler.dueService(now: start)?.replicas == 3)
        #expect(scaler.dueService(now: start + .seconds(1)) == nil)
        #expect(scaler.dueService(now: start + .seconds(2))?.number == 1)
        let report = InstanceReport(task: scaler.task, current: 0, desired: 3, number: 1, partitions: 8)
        let changed = scaler.report(report)
        #expect(changed)
        #expect(scaler.dueService(now: start + .seconds(9)) == nil)
        // An orchestrator that has begun anew was asked for nothing.
        let fresh = InstanceReport(task: scaler.task, current: 0, desired: 0, number: 0, partitions: 8)
        let isNews = scaler.report(fresh)
        #expect(isNews)
        #expect(scaler.dueService(now: start + .seconds(10))?.replicas == 3)
    }

    @Test("an old report does not undo a newer one; a clock that jumps back does not silence a wish")
    func oldReports() throws {
        var scaler = try scaler()
        let start = Timestamp(microseconds: 3_600_000_000)
        _ = scaler.decide(Demand(running: 1), now: start)
        _ = scaler.decide(Demand(running: 9), now: start)
        let current = scaler.report(InstanceReport(task: scaler.task, current: 3, desired: 3, number: 2, partitions: 8))
        let old = scaler.report(InstanceReport(task: scaler.task, current: 1, desired: 1, number: 1, partitions: 8))
        #expect(current && !old)
        _ = scaler.decide(Demand(running: 40), now: start)
        #expect(scaler.dueService(now: start)?.replicas == 8)
        #expect(scaler.dueService(now: start + .seconds(-1800))?.replicas == 8)
    }

    @Test("numbers of a monitor before this one do not silence its wishes")
    func unknownNumbers() throws {
        var scaler = try scaler()
        let now = Timestamp(microseconds: 0)
        let isNews = scaler.report(
            InstanceReport(task: scaler.task, current: 24, desired: 24, number: 900, partitions: 24))
        #expect(isNews)
        // What is there is not what is wanted: asked for under a number that counts.
        let first = scaler.dueService(now: now)
        #expect(first?.replicas == 0)
        #expect(first?.number == 901)
        _ = scaler.decide(Demand(running: 1), now: now)
        #expect(scaler.dueService(now: now)?.number == 902)
    }
}
