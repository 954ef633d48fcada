import MillraceCore
import MillracePorts
import MillraceTesting
import Testing

@Suite struct InMemoryFleetTests {
    @Test(
        "the in-memory fleet keeps the port's promises", .timeLimit(.minutes(1)), arguments: FleetConformance.promises)
    func conforms(_ promise: Promise<FleetFixture>) async throws {
        let tasks = (try TaskName("resize"), try TaskName("blur"))
        let fleet = InMemoryFleet(tasks: [tasks.0, tasks.1])
        try await promise.check(
            FleetFixture(fleet: fleet, tasks: tasks, unknown: try TaskName("nobody")) { task in
                fleet.instances(of: task)
            } crash: { _, instance in
                fleet.crash(instance)
            } beginStep: { task, instance in
                await fleet.mark(instance, of: task, idle: false)
            } endStep: { task, instance in
                await fleet.mark(instance, of: task, idle: true)
            })
    }

    @Test func `an outage is told for what it is`() async throws {
        let task = try TaskName("resize")
        let fleet = InMemoryFleet(tasks: [task])
        let outage = FleetError(.unavailable, "asking")
        fleet.fail(with: outage)
        await #expect(throws: outage) { try await fleet.scale(task, to: 1) }
        await #expect(throws: outage) { try await fleet.status(of: task) }
        #expect(fleet.requests.isEmpty)
        fleet.fail(with: nil)
        try await fleet.scale(task, to: 1)
        #expect(fleet.requests == [InMemoryFleet.Request(task: task, replicas: 1)])
    }

    @Test func `replicas get ready when they are told to`() async throws {
        let task = try TaskName("resize")
        let fleet = InMemoryFleet(tasks: [task], startsReady: false)
        try await fleet.scale(task, to: 1)
        #expect(try await fleet.status(of: task).ready == 0)
        fleet.makeReady(fleet.instances(of: task)[0])
        #expect(try await fleet.status(of: task).ready == 1)
    }
}
