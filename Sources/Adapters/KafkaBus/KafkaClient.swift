import CKafka
import MillracePorts

/// Asks a cluster: calls that block, for a thread that may.
struct KafkaClient: Sendable {
    let handle: KafkaHandle
    let settings: KafkaSettings
    private let main: KafkaPointer?

    init(_ handle: KafkaHandle, _ settings: KafkaSettings, main: KafkaPointer? = nil) {
        self.handle = handle
        self.settings = settings
        self.main = main
    }

    /// Takes error events to heart, waiting so long for the first; a yield of the queue ends the wait.
    func pollEvents(atMost timeout: Duration = .zero) {
        guard let main else { return }
        var timeout = timeout.milliseconds
        while let event = rd_kafka_queue_poll(main.pointer, timeout) {
            if rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR { handle.health.note(event: event) }
            rd_kafka_event_destroy(event)
            timeout = 0
        }
    }

    /// Partition counts by topic: of one topic, or of all.
    /// - Throws: `unknownTopic` when it is asked for and not there; `unavailable` with what lies beneath.
    func partitionCounts(of topic: String? = nil, _ doing: String) throws(BusError) -> [String: Int] {
        try placements(of: topic, doing).mapValues(\.count)
    }

    /// Where partitions are, in the order of their numbers, by topic: of one topic, or of all.
    /// - Throws: as ``partitionCounts(of:_:)``.
    func placements(
        of topic: String? = nil, _ doing: String
    ) throws(BusError) -> [String: [TopicDescription.Placement]] {
        try metadata(of: topic, doing) { (metadata) throws(BusError) in
            let placements = try metadata.placements(of: topic, doing)
            if let topic, placements[topic, default: []].isEmpty { throw BusError(.unknownTopic, doing) }
            return placements
        }
    }

    /// Nobody has said what is wrong: a connection was made, and closed or left without an answer.
    private func silence(_ code: rd_kafka_resp_err_t) -> String {
        let spoken = settings.properties["security.protocol"] ?? "plaintext"
        return """
            \(String(cString: rd_kafka_err2str(code))); nobody there answers to security.protocol \(spoken): \
            the listener may want another
            """
    }

    /// Asks in short turns, so that a refusal is told at once and not only when all time is over.
    func metadata<Value>(
        of topic: String?, _ doing: String, _ body: (rd_kafka_metadata) throws(BusError) -> Value
    ) throws(BusError) -> Value {
        let local = topic.flatMap { rd_kafka_topic_new(handle.pointer, $0, nil) }
        if topic != nil, local == nil { throw BusError(rd_kafka_last_error(), doing) }
        defer { if let local { rd_kafka_topic_destroy(local) } }
        let end = ContinuousClock.now + settings.requestTimeout
        while true {
            pollEvents()
            var found: UnsafePointer<rd_kafka_metadata>?
            let turn = min(.seconds(1), settings.requestTimeout).milliseconds
            let code = rd_kafka_metadata(handle.pointer, topic == nil ? 1 : 0, local, &found, turn)
            if let found, !code.isError {
                defer { rd_kafka_metadata_destroy(found) }
                handle.health.succeeded()
                return try body(found.pointee)
            }
            pollEvents()
            if let refusal = handle.health.refusal { throw BusError(.unavailable, doing, cause: refusal) }
            if ContinuousClock.now >= end {
                throw BusError(code, doing, reason: handle.health.trouble ?? silence(code))
            }
        }
    }

    /// Each partition's place, and the offsets of its oldest record and of the next one to come.
    func bounds(
        of topic: String, _ placements: [TopicDescription.Placement], _ doing: String
    ) throws(BusError) -> [TopicDescription.Partition] {
        // Kafka's own marks in place of a time: the beginning and the end.
        let begins = try settledOffsets(of: topic, count: placements.count, at: -2, doing)
        let ends = try settledOffsets(of: topic, count: placements.count, at: -1, doing)
        return placements.enumerated().map {
            .init(number: $0, begin: begins[$0] ?? 0, end: ends[$0] ?? 0, placement: $1)
        }
    }

    /// Asks again while partitions have no leader that is known: those of a topic that was just made or grown, or whose
    /// broker has just gone.
    private func settledOffsets(
        of topic: String, count: Int, at mark: Int64, _ doing: String
    ) throws(BusError) -> [Int: Int64] {
        let end = ContinuousClock.now + settings.requestTimeout
        while true {
            var code = RD_KAFKA_RESP_ERR_NO_ERROR
            do throws(BusError) {
                return try offsets(of: topic, count: count, at: mark, doing, &code)
            } catch {
                guard code.isUnsettledLeader, ContinuousClock.now < end else {
                    throw code.isUnsettledLeader ? leaderless(topic, doing) ?? error : error
                }
            }
            pollEvents(atMost: .milliseconds(20))
            _ = try partitionCounts(of: topic, doing)
        }
    }

    /// Says which partitions have nobody to answer for them; nil where all have.
    private func leaderless(_ topic: String, _ doing: String) -> BusError? {
        let placements = (try? self.placements(of: topic, doing))?[topic] ?? []
        let without = placements.indices.filter { placements[$0].leader == nil }
        guard !without.isEmpty else { return nil }
        let brokers = Set(without.flatMap { placements[$0].replicas }).sorted()
        let numbers = without.map { String($0) }.joined(separator: ", ")
        let away = brokers.map { String($0) }.joined(separator: ", ")
        return BusError(.unavailable, doing, cause: "no leader of partition \(numbers), which brokers \(away) keep")
    }

    private func offsets(
        of topic: String, count: Int, at mark: Int64, _ doing: String, _ failure: inout rd_kafka_resp_err_t
    ) throws(BusError) -> [Int: Int64] {
        guard count > 0 else { return [:] }
        let wanted = Dictionary(uniqueKeysWithValues: (0..<count).map { ($0, mark) })
        return try rd_kafka_topic_partition_list_t.with(topic, wanted) { (list) throws(BusError) in
            let code = rd_kafka_offsets_for_times(handle.pointer, list, settings.requestTimeout.milliseconds)
            pollEvents()
            failure = code
            if code.isError {
                throw BusError(code, doing, reason: code.refusal == nil ? handle.health.trouble : nil)
            }
            var offsets: [Int: Int64] = [:]
            for item in list.items {
                failure = item.err
                if item.err.isError { throw BusError(item.err, doing) }
                offsets[Int(item.partition)] = item.offset
            }
            return offsets
        }
    }

    /// What a group has committed of a topic.
    func committed(group: String, topic: String, count: Int, _ doing: String) throws(BusError) -> [Int: Int64] {
        let none = Int64(RD_KAFKA_OFFSET_INVALID)
        let wanted = Dictionary(uniqueKeysWithValues: (0..<count).map { ($0, none) })
        return try rd_kafka_topic_partition_list_t.with(topic, wanted) { (list) throws(BusError) in
            var request = rd_kafka_ListConsumerGroupOffsets_new(group, list)
            defer { rd_kafka_ListConsumerGroupOffsets_destroy(request) }
            return try administer(RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, doing) { options, queue in
                rd_kafka_ListConsumerGroupOffsets(handle.pointer, &request, 1, options, queue)
            } take: { (event) throws(BusError) in
                var size = 0
                let groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
                    rd_kafka_event_ListConsumerGroupOffsets_result(event), &size)
                guard size > 0, let result = groups?[0] else { return [:] }
                if let error = rd_kafka_group_result_error(result) {
                    throw BusError(
                        rd_kafka_error_code(error), doing, reason: String(cString: rd_kafka_error_string(error)))
                }
                var offsets: [Int: Int64] = [:]
                guard let partitions = rd_kafka_group_result_partitions(result) else { return [:] }
                for item in UnsafeMutablePointer(mutating: partitions).items where item.offset >= 0 {
                    offsets[Int(item.partition)] = item.offset
                }
                return offsets
            }
        }
    }
}
