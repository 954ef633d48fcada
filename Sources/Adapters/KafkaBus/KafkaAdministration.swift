import CKafka
import MillracePorts

/// What is asked of a cluster beyond records, offsets and groups: librdkafka's mock cluster has none of it, so that
/// tests put something else in its place.
protocol KafkaAdministration: Sendable {
    var capabilities: BusCapabilities { get }
    /// Makes a topic that is not there; one that is there is left as it is.
    /// - Parameter isTrial: nothing is made: it only throws what would be in the way.
    func create(
        _ topic: String, partitions: Int, retention: Duration?, isTrial: Bool, _ client: KafkaClient
    ) throws(BusError)
    /// Makes it so many partitions, which must be more than it has.
    /// - Parameter isTrial: as in ``create(_:partitions:retention:isTrial:_:)``.
    func grow(_ topic: String, to partitions: Int, isTrial: Bool, _ client: KafkaClient) throws(BusError)
    func delete(_ topics: [String], _ client: KafkaClient) throws(BusError)
    /// A group's members, with what each owns by topic; nil while that is not settled.
    func members(of group: String, _ client: KafkaClient) throws(BusError) -> [KafkaGroupMember]?
}

extension KafkaAdministration {
    func create(_ topic: String, partitions: Int, retention: Duration?, _ client: KafkaClient) throws(BusError) {
        try create(topic, partitions: partitions, retention: retention, isTrial: false, client)
    }

    func grow(_ topic: String, to partitions: Int, _ client: KafkaClient) throws(BusError) {
        try grow(topic, to: partitions, isTrial: false, client)
    }
}

struct KafkaGroupMember: Sendable {
    var name: String
    var partitions: [String: Set<Int>]
}

/// A real cluster's.
struct BrokerAdministration: KafkaAdministration {
    let capabilities: BusCapabilities = [.growth]

    func create(
        _ topic: String, partitions: Int, retention: Duration?, isTrial: Bool, _ client: KafkaClient
    ) throws(BusError) {
        let doing = "creating the topic ‘\(topic)’"
        // Asked first: whoever may not make topics may still use those that are there.
        guard try !exists(topic, client, doing) else { return }
        var text = [CChar](repeating: 0, count: 512)
        var new = rd_kafka_NewTopic_new(
            topic, Int32(clamping: partitions), Int32(clamping: client.settings.replicationFactor), &text, text.count)
        guard new != nil else { throw BusError(.unknownTopic, doing, cause: String(nulTerminated: text)) }
        defer { rd_kafka_NewTopic_destroy(new) }
        if let retention {
            let age = max(retention, client.settings.minimumRetention)
            let milliseconds = age.components.seconds.multipliedReportingOverflow(by: 1000)
            rd_kafka_NewTopic_set_config(
                new, "retention.ms", String(milliseconds.overflow ? -1 : milliseconds.partialValue))
        }
        // A record's time is when the bus took it, whatever the sender's clock says.
        rd_kafka_NewTopic_set_config(new, "message.timestamp.type", "LogAppendTime")
        try client.administer(RD_KAFKA_ADMIN_OP_CREATETOPICS, isTrial: isTrial, doing) { options, queue in
            rd_kafka_CreateTopics(client.handle.pointer, &new, 1, options, queue)
        } take: { (event) throws(BusError) in
            var size = 0
            let results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &size)
            try check(results, size, doing, allowed: RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        }
    }

    private func exists(_ topic: String, _ client: KafkaClient, _ doing: String) throws(BusError) -> Bool {
        do throws(BusError) {
            _ = try client.partitionCounts(of: topic, doing)
            return true
        } catch {
            guard error.code == .unknownTopic else { throw error }
            return false
        }
    }

    func grow(_ topic: String, to partitions: Int, isTrial: Bool, _ client: KafkaClient) throws(BusError) {
        let doing = "growing the topic ‘\(topic)’"
        var text = [CChar](repeating: 0, count: 512)
        var new = rd_kafka_NewPartitions_new(topic, partitions, &text, text.count)
        guard new != nil else { throw BusError(.unavailable, doing, cause: String(nulTerminated: text)) }
        defer { rd_kafka_NewPartitions_destroy(new) }
        try client.administer(RD_KAFKA_ADMIN_OP_CREATEPARTITIONS, isTrial: isTrial, doing) { options, queue in
            rd_kafka_CreatePartitions(client.handle.pointer, &new, 1, options, queue)
        } take: { (event) throws(BusError) in
            var size = 0
            let results = rd_kafka_CreatePartitions_result_topics(
                rd_kafka_event_CreatePartitions_result(event), &size)
            // Another was quicker, and grew it at least as far: whoever asked looks at the count afterwards.
            try check(results, size, doing, allowed: RD_KAFKA_RESP_ERR_INVALID_PARTITIONS)
        }
    }

    func delete(_ topics: [String], _ client: KafkaClient) throws(BusError) {
        let doing = "deleting topics"
        var each = topics.map { rd_kafka_DeleteTopic_new($0) }
        defer { for topic in each { rd_kafka_DeleteTopic_destroy(topic) } }
        try client.administer(RD_KAFKA_ADMIN_OP_DELETETOPICS, doing) { options, queue in
            rd_kafka_DeleteTopics(client.handle.pointer, &each, each.count, options, queue)
        } take: { (event) throws(BusError) in
            var size = 0
            let results = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &size)
            try check(results, size, doing, allowed: RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        }
    }

    private func check(
        _ results: UnsafeMutablePointer<OpaquePointer?>?, _ size: Int, _ doing: String, allowed: rd_kafka_resp_err_t
    ) throws(BusError) {
        for index in 0..<size {
            guard let result = results?[index] else { continue }
            let code = rd_kafka_topic_result_error(result)
            if case allowed = code { continue }
            guard code.isError else { continue }
            let reason = rd_kafka_topic_result_error_string(result).map { String(cString: $0) }
            throw BusError(code, doing, reason: reason)
        }
    }

    func members(of group: String, _ client: KafkaClient) throws(BusError) -> [KafkaGroupMember]? {
        let doing = "describing the group ‘\(group)’"
        return try group.utf8CString.withUnsafeBufferPointer { (name) throws(BusError) in
            var names = name.baseAddress
            return try client.administer(RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, doing) { options, queue in
                rd_kafka_DescribeConsumerGroups(client.handle.pointer, &names, 1, options, queue)
            } take: { (event) throws(BusError) in
                var size = 0
                let groups = rd_kafka_DescribeConsumerGroups_result_groups(
                    rd_kafka_event_DescribeConsumerGroups_result(event), &size)
                guard size > 0, let found = groups?[0] else { return [] }
                return try members(of: found, doing)
            }
        }
    }

    private func members(of group: OpaquePointer, _ doing: String) throws(BusError) -> [KafkaGroupMember]? {
        if let error = rd_kafka_ConsumerGroupDescription_error(group), rd_kafka_error_code(error).isError {
            throw BusError(
                rd_kafka_error_code(error), doing, reason: String(cString: rd_kafka_error_string(error)))
        }
        switch rd_kafka_ConsumerGroupDescription_state(group) {
        case RD_KAFKA_CONSUMER_GROUP_STATE_STABLE: break
        case RD_KAFKA_CONSUMER_GROUP_STATE_EMPTY, RD_KAFKA_CONSUMER_GROUP_STATE_DEAD: return []
        default: return nil
        }
        return (0..<rd_kafka_ConsumerGroupDescription_member_count(group)).compactMap { index in
            guard let member = rd_kafka_ConsumerGroupDescription_member(group, index) else { return nil }
            var partitions: [String: Set<Int>] = [:]
            if let assignment = rd_kafka_MemberDescription_assignment(member),
                let list = rd_kafka_MemberAssignment_partitions(assignment)
            {
                for item in UnsafeMutablePointer(mutating: list).items {
                    partitions[String(cString: item.topic), default: []].insert(Int(item.partition))
                }
            }
            let name = rd_kafka_MemberDescription_client_id(member).map { String(cString: $0) } ?? ""
            return KafkaGroupMember(name: name, partitions: partitions)
        }
    }
}

extension rd_kafka_consumer_group_state_t {
    static func ~= (pattern: Self, value: Self) -> Bool { pattern.rawValue == value.rawValue }
}
