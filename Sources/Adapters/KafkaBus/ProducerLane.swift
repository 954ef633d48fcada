import CKafka
import MillracePorts
import Platform
import Synchronization

/// One producing handle, with a thread that takes its reports.
///
/// librdkafka's idempotent producer keeps the order of what one handle sends to a partition, through retries too.
final class ProducerLane: Sendable {
    private struct State {
        var topics: [String: KafkaPointer] = [:]
        /// How many partitions each has.
        var counts: [String: Int] = [:]
        /// What is under way, by place: such a place's records must go on through this lane, to keep their order.
        var pending: [TopicPlace: Int] = [:]
        var isEnding = false
        var total = 0
        /// Questions that are being asked of the handle, which must not end meanwhile.
        var questions = 0
    }

    let handle: KafkaHandle
    private let settings: KafkaSettings
    private let state = Mutex(State())
    private let onReports: @Sendable (_ lane: ProducerLane, _ count: Int, _ bytes: Int) -> Void
    private let onFatal: @Sendable (ProducerLane) -> Void

    init(
        linger: Duration, _ settings: KafkaSettings, _ health: KafkaHealth,
        onReports: @escaping @Sendable (ProducerLane, Int, Int) -> Void,
        onFatal: @escaping @Sendable (ProducerLane) -> Void
    ) throws(BusError) {
        handle = try KafkaHandle(.sender(linger: linger), settings, health)
        self.settings = settings
        self.onReports = onReports
        self.onFatal = onFatal
        // The thread holds the lane until it has ended.
        NamedThread.start("kafka-send") { self.run() }
    }

    func isPending(_ place: TopicPlace) -> Bool { state.withLock { $0.pending[place] != nil } }

    /// How many partitions this handle knows a topic to have; nil if it does not know the topic.
    func count(of topic: String) -> Int? { state.withLock { $0.counts[topic] } }

    /// Asks the cluster, so that this very handle knows of new topics and partitions. Blocks.
    func learn(_ topic: String) throws(BusError) {
        let doing = "publishing to ‘\(topic)’"
        let mayAsk = state.withLock { state in
            if !state.isEnding { state.questions += 1 }
            return !state.isEnding
        }
        guard mayAsk else { throw BusError(.unavailable, doing) }
        defer { state.withLock { $0.questions -= 1 } }
        let full = settings.topicPrefix + topic
        let counts = try KafkaClient(handle, settings).partitionCounts(of: full, doing)
        guard let pointer = rd_kafka_topic_new(handle.pointer, full, nil) else {
            throw BusError(rd_kafka_last_error(), doing)
        }
        let displaced = state.withLock { state in
            state.counts[topic] = counts[full]
            return state.topics.updateValue(KafkaPointer(pointer), forKey: topic)
        }
        // librdkafka counts references to one object per topic.
        if let displaced { rd_kafka_topic_destroy(displaced.pointer) }
    }

    /// Hands a record to librdkafka, which copies it. Never blocks; what is wrong with it is told to its delivery.
    func produce(_ record: OutgoingRecord, _ sent: SentRecord) {
        let topic = state.withLock { state -> KafkaPointer? in
            guard let topic = state.topics[record.topic], !state.isEnding else { return nil }
            state.pending[sent.place, default: 0] += 1
            state.total += 1
            return topic
        }
        let doing = "publishing to \(record.topic)/\(record.partition)"
        guard let topic else {
            onReports(self, 1, sent.size)
            return sent.delivery.settle(sent.index, .failure(BusError(.unavailable, doing)))
        }
        let opaque = Unmanaged.passRetained(sent)
        let code = Self.produce(record, handle.pointer, topic.pointer, opaque.toOpaque())
        guard code.isError else { return }
        opaque.release()
        settle([(sent, .failure(BusError(code, doing)))])
    }

    private static func produce(
        _ record: OutgoingRecord, _ handle: OpaquePointer, _ topic: OpaquePointer, _ opaque: UnsafeMutableRawPointer
    ) -> rd_kafka_resp_err_t {
        var headers: OpaquePointer?
        if !record.headers.isEmpty {
            headers = rd_kafka_headers_new(record.headers.count)
            for header in record.headers {
                rd_kafka_header_add(headers, header.name, -1, header.value, header.value.utf8.count)
            }
        }
        let code = withBytes(record.key.map { Array($0.utf8) }) { key in
            withBytes(record.value) { value in
                ckafka_produce(
                    handle, topic, Int32(clamping: record.partition), key.baseAddress, key.count, value.baseAddress,
                    value.count, headers, opaque)
            }
        }
        if code.isError, let headers { rd_kafka_headers_destroy(headers) }
        return code
    }

    /// Bytes with an address, even when they are empty: only nil has none.
    private static func withBytes<Value>(_ bytes: [UInt8]?, _ body: (UnsafeRawBufferPointer) -> Value) -> Value {
        guard let bytes else { return body(UnsafeRawBufferPointer(start: nil, count: 0)) }
        if bytes.isEmpty {
            return withUnsafeBytes(of: 0 as UInt8) { body(UnsafeRawBufferPointer(rebasing: $0.prefix(0))) }
        }
        return bytes.withUnsafeBytes(body)
    }

    /// Sends what it has, takes no more, and ends; what is not acknowledged after that time has failed.
    func end(within limit: Duration) {
        let deadline = ContinuousClock.now + limit
        state.withLock { $0.isEnding = true }
        ending.withLock { $0 = deadline }
    }

    private let ending = Mutex<ContinuousClock.Instant?>(nil)

    // MARK: The thread

    private func run() {
        guard let queue = rd_kafka_queue_get_main(handle.pointer) else { return handle.destroy() }
        var isPurged = false
        while true {
            if let event = rd_kafka_queue_poll(queue, state.withLock { $0.isEnding } ? 20 : 500) { take(event) }
            guard let end = ending.withLock({ $0 }) else { continue }
            if state.withLock({ $0.total == 0 && $0.questions == 0 }) { break }
            if ContinuousClock.now >= end, !isPurged {
                isPurged = true
                rd_kafka_purge(handle.pointer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT)
            }
        }
        rd_kafka_queue_destroy(queue)
        for topic in state.withLock({ $0.topics.values }) { rd_kafka_topic_destroy(topic.pointer) }
        handle.destroy()
    }

    private func take(_ event: OpaquePointer) {
        defer { rd_kafka_event_destroy(event) }
        switch rd_kafka_event_type(event) {
        case RD_KAFKA_EVENT_DR:
            var settled: [(SentRecord, Result<Int64, BusError>)] = []
            settled.reserveCapacity(rd_kafka_event_message_count(event))
            while let message = rd_kafka_event_message_next(event) {
                guard let opaque = message.pointee._private else { continue }
                let sent = Unmanaged<SentRecord>.fromOpaque(opaque).takeRetainedValue()
                settled.append((sent, result(message.pointee, sent)))
            }
            settle(settled)
        case RD_KAFKA_EVENT_ERROR:
            handle.health.note(event: event)
            if rd_kafka_event_error_is_fatal(event) != 0 { onFatal(self) }
        default: break
        }
    }

    private func result(_ message: rd_kafka_message_t, _ sent: SentRecord) -> Result<Int64, BusError> {
        guard message.err.isError else {
            if handle.health.trouble != nil { handle.health.succeeded() }
            return .success(message.offset)
        }
        let doing = "publishing to \(sent.place.topic)/\(sent.place.partition)"
        return .failure(BusError(message.err, doing, reason: handle.health.trouble))
    }

    private func settle(_ settled: [(SentRecord, Result<Int64, BusError>)]) {
        var bytes = 0
        state.withLock { state in
            state.total -= settled.count
            for (sent, _) in settled {
                bytes += sent.size
                let left = state.pending[sent.place, default: 1] - 1
                state.pending[sent.place] = left > 0 ? left : nil
            }
        }
        for (sent, result) in settled { sent.delivery.settle(sent.index, result) }
        onReports(self, settled.count, bytes)
    }
}
