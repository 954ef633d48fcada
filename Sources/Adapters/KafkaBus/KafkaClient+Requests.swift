import CKafka
import MillracePorts

extension KafkaClient {
    /// Sends an administrative request and waits for its result, which `take` may look at.
    /// - Parameter isTrial: only whether it could be done is told; for requests that can be tried.
    func administer<Value>(
        _ operation: rd_kafka_admin_op_t, isTrial: Bool = false, _ doing: String,
        send: (OpaquePointer?, OpaquePointer?) -> Void,
        take: (OpaquePointer) throws(BusError) -> Value
    ) throws(BusError) -> Value {
        let queue = rd_kafka_queue_new(handle.pointer)
        let options = rd_kafka_AdminOptions_new(handle.pointer, operation)
        defer {
            rd_kafka_AdminOptions_destroy(options)
            rd_kafka_queue_destroy(queue)
        }
        let timeout = settings.requestTimeout.milliseconds
        _ = rd_kafka_AdminOptions_set_request_timeout(options, timeout, nil, 0)
        if isTrial { _ = rd_kafka_AdminOptions_set_validate_only(options, 1, nil, 0) }
        send(options, queue)
        // The request has a limit of its own; this one is for a result that never comes.
        guard let event = rd_kafka_queue_poll(queue, timeout + 5_000) else {
            throw BusError(.unavailable, doing, cause: handle.health.trouble ?? "no answer")
        }
        defer { rd_kafka_event_destroy(event) }
        pollEvents()
        let code = rd_kafka_event_error(event)
        if code.isError {
            let reason = String(cString: rd_kafka_event_error_string(event))
            throw BusError(code, doing, reason: handle.health.refusal ?? reason)
        }
        return try take(event)
    }
}

extension rd_kafka_metadata {
    /// Where partitions are, in the order of their numbers, by topic.
    /// - Parameter topic: the one that was asked for; what is wrong with others is passed over.
    func placements(of topic: String?, _ doing: String) throws(BusError) -> [String: [TopicDescription.Placement]] {
        var placements: [String: [TopicDescription.Placement]] = [:]
        for found in UnsafeBufferPointer(start: topics, count: Int(topic_cnt)) {
            if topic != nil, found.err.isError { throw BusError(found.err, doing) }
            let partitions = UnsafeBufferPointer(start: found.partitions, count: Int(found.partition_cnt))
            placements[String(cString: found.topic)] = partitions.sorted { $0.id < $1.id }.map(\.placement)
        }
        return placements
    }
}

extension rd_kafka_metadata_partition {
    var placement: TopicDescription.Placement {
        .init(
            leader: leader < 0 ? nil : Int(leader),
            replicas: UnsafeBufferPointer(start: replicas, count: Int(replica_cnt)).map { Int($0) },
            inSync: UnsafeBufferPointer(start: isrs, count: Int(isr_cnt)).map { Int($0) })
    }
}
