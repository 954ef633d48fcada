import CKafka
import Logging
import MillracePorts

@testable import KafkaBus

/// librdkafka's own mock cluster, of one broker or several: groups, rebalances, brokers that go and come.
///
/// It makes each topic that anyone asks for, cannot grow one, and describes no group.
final class MockCluster: Sendable {
    private let handle: KafkaHandle
    private let cluster: KafkaPointer
    let servers: String

    init(brokers: Int32 = 1) throws {
        // librdkafka wants a handle to keep the cluster with; it connects nowhere.
        handle = try KafkaHandle(
            .questions, KafkaSettings(bootstrapServers: "127.0.0.1:1"), KafkaHealth(logger: quiet))
        guard let cluster = rd_kafka_mock_cluster_new(handle.pointer, brokers),
            let servers = rd_kafka_mock_cluster_bootstraps(cluster)
        else { throw BusError(.unavailable, "starting the mock cluster") }
        self.cluster = KafkaPointer(cluster)
        self.servers = String(cString: servers)
    }

    /// Its coordinator waits at each rebalance as long as a session lasts, but for a second, so sessions are short; an
    /// empty group's first member waits for 3 s, and would be taken for dead if sessions were shorter than that.
    func bus(
        properties: [String: String] = [:], change: (inout KafkaSettings) -> Void = { _ in }
    ) throws -> KafkaBus {
        let short = ["session.timeout.ms": "4000"]
        var settings = KafkaSettings(
            bootstrapServers: servers, properties: short.merging(properties) { _, new in new },
            minimumLease: .seconds(4))
        change(&settings)
        return try KafkaBus(settings, logger: quiet, administration: MockAdministration(cluster: cluster))
    }

    /// Takes the broker away, as it seems: each connection on which these are asked is closed. Its own way to do that
    /// closes its port and opens it again, which fails where a process that was started meanwhile has inherited it.
    func setAway(_ isAway: Bool) {
        for request in [Request.produce, .listOffsets, .metadata, .initProducerID] {
            if isAway {
                fail(request, with: Array(repeating: RD_KAFKA_RESP_ERR__TRANSPORT, count: 10_000))
            } else {
                rd_kafka_mock_clear_request_errors(cluster.pointer, request.rawValue)
            }
        }
    }

    /// Gives a partition another leader; nil leaves it without one.
    func lead(_ topic: String, _ partition: Int, by broker: Int?) {
        rd_kafka_mock_partition_set_leader(cluster.pointer, topic, Int32(partition), Int32(broker ?? -1))
    }

    /// The next requests of this kind fail with these errors.
    func fail(_ request: Request, with errors: [rd_kafka_resp_err_t]) {
        rd_kafka_mock_push_request_errors_array(cluster.pointer, request.rawValue, errors.count, errors)
    }

    /// Kafka's numbers of its requests.
    enum Request: Int16 {
        case produce = 0
        case listOffsets = 2
        case metadata = 3
        case offsetCommit = 8
        case initProducerID = 22
    }

    func close() {
        rd_kafka_mock_cluster_destroy(cluster.pointer)
        handle.destroy()
    }
}

struct MockAdministration: KafkaAdministration {
    let cluster: KafkaPointer
    let capabilities: BusCapabilities = []

    func create(
        _ topic: String, partitions: Int, retention: Duration?, isTrial: Bool, _ client: KafkaClient
    ) throws(BusError) {
        if isTrial { return }
        let code = rd_kafka_mock_topic_create(
            cluster.pointer, topic, Int32(partitions), Int32(max(1, client.settings.replicationFactor)))
        if case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS = code { return }
        if code.isError { throw BusError(code, "creating the topic ‘\(topic)’") }
    }

    func grow(_ topic: String, to partitions: Int, isTrial: Bool, _ client: KafkaClient) throws(BusError) {
        throw BusError(.unsupported, "growing the topic ‘\(topic)’")
    }

    func delete(_ topics: [String], _ client: KafkaClient) throws(BusError) {
        throw BusError(.unsupported, "deleting topics")
    }

    func members(of group: String, _ client: KafkaClient) throws(BusError) -> [KafkaGroupMember]? { [] }
}
