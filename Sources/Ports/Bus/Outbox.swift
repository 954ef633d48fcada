public import MillraceCore

/// Makes records of messages: topic, partition, key and headers as `INTERFACES` states them.
public struct Outbox: Sendable {
    private let partitioner: Partitioner

    public init(_ partitioner: Partitioner) {
        self.partitioner = partitioner
    }

    /// Asks the bus for the partitions of Millrace's own topics, which must be there.
    public init(bus: any MessageBus) async throws(BusError) {
        var counts: [String: Int] = [:]
        for topic in [Topic.orchestrator, Topic.system, Topic.resource, Topic.deadLetter] {
            counts[topic] = try await bus.describe(topic: topic).partitions.count
        }
        partitioner = Partitioner(counts: counts)
    }

    public func record(_ message: OrchestratorMessage, trace: String?) -> OutgoingRecord {
        switch message {
        case .service(let request): record(Topic.orchestrator, by: request.task.text, message, trace)
        case .owner(let owner): record(Topic.orchestrator, by: owner.task.text, message, trace)
        case .start(let order): record(Topic.orchestrator, by: order.id.text, message, trace)
        case .progress(let progress): record(Topic.orchestrator, by: progress.order.id.text, message, trace)
        }
    }

    public func record(_ message: SystemMessage, trace: String?) -> OutgoingRecord {
        if case .instance(let report) = message { return record(Topic.system, by: report.task.text, message, trace) }
        return record(Topic.system, by: message.order?.text ?? "", message, trace)
    }

    public func record(_ message: ResourceMessage, node: String, trace: String?) -> OutgoingRecord {
        record(Topic.resource, by: node, message, trace)
    }

    /// The partition of the `resource` topic that a node's monitor reads.
    public func partition(ofNode node: String) -> Int { partitioner.partition(of: Topic.resource, for: node) }

    public func record(_ message: StepMessage, partition: Int, trace: String?) -> OutgoingRecord {
        make(message.call.name.text, partition, message, trace)
    }

    /// What is published of a record that could not be handled: the record as it came, with why and where it was, and
    /// the end of the order that it names, if it names one. Of a record that is too large to be published again with
    /// that, as much as ``DeadLetterLimit`` says, and in the header `size` how many bytes it has.
    public func deadLetter(_ record: BusRecord, _ error: MessageError, at time: Timestamp) -> [OutgoingRecord] {
        let kept = DeadLetterLimit.cut(record)
        let letter = OutgoingRecord(
            topic: Topic.deadLetter, partition: partitioner.partition(of: Topic.deadLetter, for: record.topic),
            key: kept.key, value: kept.value,
            headers: kept.headers + [
                Header("reason", error.description), Header("topic", record.topic),
                Header("partition", String(record.partition)), Header("offset", String(record.offset)),
            ])
        guard let order = error.order else { return [letter] }
        let end = SystemMessage.orderEnded(order, .failed(reason: error.description), at: time)
        return [letter, self.record(end, trace: record.header(Header.traceparent))]
    }

    private func record(_ topic: String, by key: String, _ message: some Message, _ trace: String?) -> OutgoingRecord {
        make(topic, partitioner.partition(of: topic, for: key), message, trace)
    }

    private func make(_ topic: String, _ partition: Int, _ message: some Message, _ trace: String?) -> OutgoingRecord {
        var headers = [Header(Header.contentType, "application/json")]
        if let order = message.order { headers.append(Header(Header.order, order.text)) }
        if let trace { headers.append(Header(Header.traceparent, trace)) }
        return OutgoingRecord(
            topic: topic, partition: partition, key: message.kind, value: message.encoded, headers: headers)
    }
}
