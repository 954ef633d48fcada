import Foundation
import MillraceTesting
import Testing

@testable import KafkaBus

@Suite(.timeLimit(.minutes(10))) struct BrokerConformanceTests {
    @Test("the Kafka bus keeps the port’s promises on noida-db", arguments: BusConformance.promises)
    func noida(_ promise: Promise<BusFixture>) async throws {
        try Broker.noida.skipIfMissing(promise)
        try await withTemporaryFolder { folder in
            let noida = try await Noida(folder: folder)
            do { try await conforms(promise, servers: noida.servers) } catch { Issue.record("\(error)") }
            noida.stop()
        }
    }

    @Test("the Kafka bus keeps all of the port’s promises on a real broker", arguments: BusConformance.promises)
    func broker(_ promise: Promise<BusFixture>) async throws {
        guard let servers = ProcessInfo.processInfo.environment["MILLRACE_TEST_KAFKA"] else {
            try Broker.skip("‘\(promise)’ on a real broker: MILLRACE_TEST_KAFKA=host:port names none")
        }
        try await conforms(promise, servers: servers)
    }

    private func conforms(_ promise: Promise<BusFixture>, servers: String) async throws {
        let settings = KafkaSettings(bootstrapServers: servers)
        let bus = try KafkaBus(settings, logger: quiet)
        let other = try KafkaBus(settings, logger: quiet)
        // Several runs share a broker.
        let prefix = "test-\(UInt32.random(in: 0 ... .max))-"
        let fixture = BusFixture(bus: bus, other: other, lease: .seconds(6), prefix: prefix) { member in
            await (member as? KafkaMember)?.die()
        }
        do { try await promise.check(fixture) } catch { Issue.record("\(error)") }
        await other.close()
        await bus.close()
    }
}
