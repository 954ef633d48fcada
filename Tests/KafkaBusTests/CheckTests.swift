import CKafka
import Foundation
import MillracePorts
import MillraceTesting
import Testing

@testable import KafkaBus

/// What operators are told of a cluster.
@Suite(.timeLimit(.minutes(2))) struct CheckTests {
    @Test("a topic's partitions come with their leader, replicas, and those in sync")
    func placements() async throws {
        let cluster = try MockCluster(brokers: 3)
        let bus = try cluster.bus { $0.replicationFactor = 3 }
        try await bus.createTopic("t", partitions: 3, retention: .seconds(600))
        cluster.lead("t", 0, by: 3)
        cluster.lead("t", 1, by: 1)
        cluster.lead("t", 2, by: 2)
        let placements = try await bus.describe(topic: "t").partitions.map(\.placement)
        #expect(placements.map { $0?.leader } == [3, 1, 2])
        for placement in placements {
            #expect(placement?.replicas.count == 3)
            #expect(placement?.inSync == placement?.replicas)
        }
        #expect(try await bus.topics().first { $0.name == "t" }?.partitions.map(\.placement) == placements)
        await bus.close()
        cluster.close()
    }

    @Test("a partition without a leader is named, with the brokers that keep it")
    func leaderless() async throws {
        let cluster = try MockCluster(brokers: 3)
        let bus = try cluster.bus {
            $0.replicationFactor = 1
            $0.requestTimeout = .seconds(1)
        }
        try await bus.createTopic("t", partitions: 2, retention: .seconds(600))
        cluster.lead("t", 1, by: nil)
        let error = await #expect(throws: BusError.self) { try await bus.describe(topic: "t") }
        #expect(error?.code == .unavailable)
        #expect(error?.cause?.hasPrefix("no leader of partition 1, which brokers ") == true, "\(error?.cause ?? "")")
        // Whoever looks at the whole cluster sees it at once.
        let look = try await bus.look()
        #expect(look.brokers == [1, 2, 3])
        #expect(look.topics["t"]?.map { $0.leader == nil } == [false, true])
        await bus.close()
        cluster.close()
    }

    @Test("what the cluster refuses is told with what to do about it")
    func refusals() {
        #expect(ckafka_load() == nil)
        let error = BusError(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "reading t")
        #expect(KafkaBus.remedy(for: error)?.contains("grant") == true)
        #expect(KafkaBus.remedy(for: BusError(.unavailable, "reading t", cause: "no answer")) == nil)
    }

    @Test("a probe is published, read again, and says what the broker's clock says")
    func probe() async throws {
        try await withTemporaryFolder { folder in
            let noida = try await Noida(folder: folder)
            defer { noida.stop() }
            try await probe(servers: noida.servers)
        }
    }

    @Test("a real broker tells its version, keeps the clock, and what may be made is known without making it")
    func broker() async throws {
        guard let servers = ProcessInfo.processInfo.environment["MILLRACE_TEST_KAFKA"] else {
            try Broker.skip("a real broker's version and rights: MILLRACE_TEST_KAFKA=host:port names none")
        }
        try await probe(servers: servers)
        let bus = try KafkaBus(KafkaSettings(bootstrapServers: servers), logger: quiet)
        let look = try await bus.look()
        #expect(look.clusterID?.isEmpty == false)
        #expect(!look.brokers.isEmpty)
        let name = "test-\(UInt32.random(in: 0 ... .max))-obstacle"
        #expect(await bus.obstacle(toMaking: name) == nil)
        #expect(try await bus.look().topics[name] == nil)
        try await bus.createTopic(name, partitions: 2, retention: .seconds(600))
        #expect(await bus.obstacle(toGrowing: name, to: 3) == nil)
        #expect(try await bus.look().topics[name]?.count == 2)
        #expect(await bus.obstacle(toMaking: "no such/name") != nil)
        await bus.close()
    }

    private func probe(servers: String) async throws {
        let bus = try KafkaBus(KafkaSettings(bootstrapServers: servers), logger: quiet)
        let probe = try await bus.probe()
        #expect(probe.roundTrip > .zero)
        // The same machine, but a busy one.
        #expect(abs(probe.clockDifference) < 1, "\(probe)")
        #expect(try await bus.topics().allSatisfy { $0.name != KafkaBus.probeTopic })
        await bus.close()
    }
}
