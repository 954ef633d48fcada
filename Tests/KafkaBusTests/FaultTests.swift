import CKafka
import MillracePorts
import MillraceTesting
import Platform
import Synchronization
import Testing

@testable import KafkaBus

@Suite(.timeLimit(.minutes(5))) struct FaultTests {
    /// For the mock cluster, which checks no sequence numbers: it takes a request though the one before it failed, and
    /// librdkafka concludes from that that the one before it had arrived, as it must have on a broker.
    private static let oneAtATime = ["max.in.flight.requests.per.connection": "1"]

    @Test("a broker that is away makes senders wait, and when it is back nothing is lost or doubled")
    func brokerAway() async throws {
        let cluster = try MockCluster()
        let bus = try cluster.bus(properties: Self.oneAtATime)
        try await bus.createTopic("t", partitions: 1, retention: .seconds(600))
        try await bus.publish([record(0)])
        cluster.setAway(true)
        var receipts: [Receipt] = []
        for number in 1..<100 { receipts.append(try await bus.send([record(number)])) }
        cluster.setAway(false)
        for receipt in receipts { try await receipt.positions() }
        #expect(try await numbers(of: bus, count: 100) == Array(0..<100))
        await bus.close()
        cluster.close()
    }

    @Test("a broker that stays away is told as unavailable, with what lies beneath")
    func brokerGone() async throws {
        let cluster = try MockCluster()
        let bus = try cluster.bus {
            $0.deliveryTimeout = .seconds(1)
            $0.requestTimeout = .seconds(1)
        }
        try await bus.createTopic("t", partitions: 1, retention: .seconds(600))
        try await bus.publish([record(0)])
        cluster.setAway(true)
        let receipt = try await bus.send([record(1)])
        #expect(await failure { try await receipt.positions() }?.code == .unavailable)
        let asked = await failure { _ = try await bus.describe(topic: "t") }
        #expect(asked?.code == .unavailable)
        await bus.close()
        cluster.close()
    }

    @Test("a request that the broker refuses for a while is sent again: each record is there once, in order")
    func retries() async throws {
        let cluster = try MockCluster()
        let bus = try cluster.bus(properties: Self.oneAtATime)
        try await bus.createTopic("t", partitions: 1, retention: .seconds(600))
        cluster.fail(
            .produce,
            with: [
                RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR__TRANSPORT,
                RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
            ])
        var receipts: [Receipt] = []
        for number in 0..<50 { receipts.append(try await bus.send([record(number)])) }
        for receipt in receipts { try await receipt.positions() }
        #expect(try await numbers(of: bus, count: 50) == Array(0..<50))
        await bus.close()
        cluster.close()
    }

    @Test("a commit that meets a rebalance is sent again; one of a member that was dropped is fenced")
    func commits() async throws {
        let cluster = try MockCluster()
        let bus = try cluster.bus()
        try await bus.createTopic("t", partitions: 1, retention: .seconds(600))
        try await bus.publish([record(0), record(1)])
        let member = try await bus.join(Membership(topic: "t", group: "g", name: "m"))
        #expect(try await member.next(limit: 1) == .assigned([0]))
        cluster.fail(
            .offsetCommit,
            with: [RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS])
        try await member.commit([0: 1])
        #expect(try await bus.describe(group: "g", topic: "t").committed == [0: 1])
        cluster.fail(.offsetCommit, with: [RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID])
        #expect(await failure { try await member.commit([0: 2]) }?.code == .fenced)
        var lost: Set<Int> = []
        let end = await failure {
            while true { if case .lost(let more) = try await member.next(limit: 1) { lost.formUnion(more) } }
        }
        #expect(lost == [0])
        #expect(end?.code == .fenced)
        await member.leave()
        await bus.close()
        cluster.close()
    }

    @Test("a member whose process does not run past the poll interval loses its partitions, and is fenced")
    func stalled() async throws {
        let cluster = try MockCluster()
        let bus = try cluster.bus(properties: ["max.poll.interval.ms": "4000"])
        let other = try cluster.bus()
        try await bus.createTopic("t", partitions: 1, retention: .seconds(600))
        try await bus.publish([record(0)])
        let member = try await bus.join(Membership(topic: "t", group: "g", name: "stalled"))
        #expect(try await member.next(limit: 1) == .assigned([0]))
        let signal = Signal()
        (member as? KafkaMember)?.stall(until: signal)
        let heir = try await other.join(Membership(topic: "t", group: "g", name: "heir"))
        #expect(try await heir.next(limit: 1) == .assigned([0]))
        signal.raise()
        let end = await failure { while true { _ = try await member.next(limit: 1) } }
        #expect(end?.code == .fenced)
        #expect(await failure { try await member.commit([0: 1]) }?.code == .fenced)
        await member.leave()
        await heir.leave()
        await other.close()
        await bus.close()
        cluster.close()
    }

    /// Of the log alone: were its words to change in another librdkafka, commits would meet joins again.
    @Test("while a member joins its log says so, and when it has joined, too")
    func joining() async throws {
        let cluster = try MockCluster()
        let bus = try cluster.bus()
        try await bus.createTopic("t", partitions: 1, retention: .seconds(600))
        let role = KafkaRole.member(Membership(topic: "t", group: "g", name: "m"), groupID: "g")
        let handle = try KafkaHandle(role, bus.settings, bus.health)
        #expect(!handle.log.isJoining)
        rd_kafka_poll_set_consumer(handle.pointer)
        let queue = try #require(rd_kafka_queue_get_consumer(handle.pointer))
        let all = [Int(RD_KAFKA_PARTITION_UA): Int64(RD_KAFKA_OFFSET_INVALID)]
        let code = rd_kafka_topic_partition_list_t.with("t", all) { rd_kafka_subscribe(handle.pointer, $0) }
        #expect(!code.isError)
        // An empty group's first member waits for 3 s.
        try await eventually("the join to be told") { handle.log.isJoining }
        let event = try await eventually("partitions") { rd_kafka_queue_poll(queue, 0).map { KafkaPointer($0) } }
        #expect(!handle.log.isJoining)
        // A handle whose assignment is not taken would never end.
        let failure = rd_kafka_incremental_assign(
            handle.pointer, rd_kafka_event_topic_partition_list(event.pointer))
        #expect(failure == nil)
        rd_kafka_event_destroy(event.pointer)
        rd_kafka_queue_destroy(queue)
        handle.destroy(leaving: false)
        await bus.close()
        cluster.close()
    }

    @Test("a property that librdkafka does not know, or that the bus rests on, is an error that names it")
    func properties() throws {
        for (name, value) in [("no.such.thing", "1"), ("linger.ms", "soon"), ("acks", "0"), ("group.id", "mine")] {
            let settings = KafkaSettings(bootstrapServers: "127.0.0.1:1", properties: [name: value])
            let error = #expect(throws: BusError.self) { try KafkaBus(settings, logger: quiet) }
            #expect(error?.doing.contains("‘\(name)’") == true)
            #expect(error?.code == .unsupported)
        }
    }

    @Test("a secret is not told in an error")
    func secrets() throws {
        let settings = KafkaSettings(
            bootstrapServers: "127.0.0.1:1", properties: ["sasl.password.nothing": "hunter2"])
        let error = #expect(throws: BusError.self) { try KafkaBus(settings, logger: quiet) }
        #expect(error?.description.contains("hunter2") == false)
    }

    private func record(_ number: Int) -> OutgoingRecord {
        OutgoingRecord(topic: "t", partition: 0, key: "N", value: Array(String(number).utf8))
    }

    private func numbers(of bus: KafkaBus, count: Int) async throws -> [Int] {
        let reader = try await bus.read(topic: "t", from: [0: 0])
        var records: [BusRecord] = []
        while records.count < count { records += try await reader.next(limit: 1000) }
        await reader.close()
        return records.compactMap { $0.value.flatMap { Int(String(decoding: $0, as: UTF8.self)) } }
    }

    private func failure(_ body: () async throws -> Void) async -> BusError? {
        do { try await body() } catch { return error as? BusError }
        return nil
    }
}
