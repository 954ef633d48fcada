import MillraceTesting
import Testing

@testable import KafkaBus

@Suite(.timeLimit(.minutes(10))) struct MockConformanceTests {
    @Test("the Kafka bus keeps the port’s promises on librdkafka’s mock cluster", arguments: BusConformance.promises)
    func conforms(_ promise: Promise<BusFixture>) async throws {
        try Broker.mock.skipIfMissing(promise)
        let cluster = try MockCluster()
        let bus = try cluster.bus()
        let other = try cluster.bus()
        let fixture = BusFixture(bus: bus, other: other, lease: .seconds(4)) { member in
            await (member as? KafkaMember)?.die()
        }
        do { try await promise.check(fixture) } catch { Issue.record("\(error)") }
        await other.close()
        await bus.close()
        cluster.close()
    }
}
