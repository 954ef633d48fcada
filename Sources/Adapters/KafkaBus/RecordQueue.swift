import CKafka
import MillraceCore
import MillracePorts
import Synchronization

/// The queue that the records of a reader's partitions come to. They stay in it, where librdkafka bounds them, until
/// they are asked for; taking them never waits.
final class RecordQueue: Sendable {
    /// nil once it is closed. Held while records are taken, and while partitions change: nothing that was read under
    /// the old assignment is handed out under the new one.
    private let queue: Mutex<KafkaPointer?>
    /// What ends the reading, found beside records that were handed out first: librdkafka tells of it once.
    private let failure = Mutex<BusError?>(nil)
    private let handle: KafkaPointer
    private let wake: Wake
    /// In bytes: so many of a topic's name are the bus's own.
    private let prefixLength: Int

    init(_ handle: KafkaHandle, wake: Wake, prefix: String) throws(BusError) {
        guard let pointer = rd_kafka_queue_new(handle.pointer) else {
            throw BusError(.unavailable, "making a queue for records")
        }
        queue = Mutex(KafkaPointer(pointer))
        self.handle = KafkaPointer(handle.pointer)
        self.wake = wake
        prefixLength = prefix.utf8.count
        // Called with the queue's own lock held; the wake's is never held around a call of librdkafka.
        rd_kafka_queue_cb_event_enable(
            pointer,
            { _, opaque in
                guard let opaque else { return }
                Unmanaged<Wake>.fromOpaque(opaque).takeUnretainedValue().raise()
            }, Unmanaged.passUnretained(wake).toOpaque())
    }

    /// Has partitions' records come here.
    func collect(_ topic: String, _ partitions: Set<Int>) {
        queue.withLock { queue in
            guard let queue else { return }
            for partition in partitions { collect(topic, partition, into: queue) }
        }
    }

    private func collect(_ topic: String, _ partition: Int, into queue: KafkaPointer) {
        let source = rd_kafka_queue_get_partition(handle.pointer, topic, Int32(clamping: partition))
        guard let source else { return }
        rd_kafka_queue_forward(source, queue.pointer)
        rd_kafka_queue_destroy(source)
    }

    /// Changes what is read, while nobody takes records.
    func exclusively<Value: Sendable>(_ change: (KafkaPointer?) -> Value) -> Value {
        defer { wake.raise() }
        return queue.withLock { queue in
            failure.withLock { $0 = nil }
            return change(queue)
        }
    }

    /// Starts reading a partition without a group.
    func start(_ topic: KafkaPointer, partition: Int, at offset: Int64) -> Bool {
        queue.withLock { queue in
            guard let queue else { return false }
            return rd_kafka_consume_start_queue(topic.pointer, Int32(clamping: partition), offset, queue.pointer) == 0
        }
    }

    enum Taken: Sendable {
        case records([BusRecord])
        /// The partitions are being changed: the wake is raised when that is done.
        case busy
        case closed
        case failed(BusError)
    }

    /// Takes what is there, without waiting.
    /// - Parameter wanted: the partitions whose records may be handed out, nil for all; the others' are dropped. It is
    ///   asked while partitions cannot change.
    func take(limit: Int, _ doing: String, wanted: () -> Set<Int>?) -> Taken {
        // So many pointers are looked at in one go; a larger limit takes several calls.
        let size = min(max(1, limit), 1024)
        let taken = queue.withLockIfAvailable { queue -> Taken in
            guard let queue else { return .closed }
            if let failure = failure.withLock({ $0.take() }) { return .failed(failure) }
            let wanted = wanted()
            return withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<rd_kafka_message_t>?.self, capacity: size) {
                while true {
                    let count = rd_kafka_consume_batch_queue(queue.pointer, 0, $0.baseAddress, size)
                    var records: [BusRecord] = []
                    var failure: BusError?
                    for index in 0..<max(0, count) {
                        guard let message = $0[index] else { continue }
                        // Given back at once: a message that is kept would keep the handle from ending.
                        defer { rd_kafka_message_destroy(message) }
                        if message.pointee.err.isError {
                            failure = failure ?? Self.failure(message.pointee, doing)
                        } else if wanted?.contains(Int(message.pointee.partition)) ?? true {
                            records.append(BusRecord(message, droppingPrefix: prefixLength))
                        }
                    }
                    if let failure {
                        guard !records.isEmpty else { return .failed(failure) }
                        self.failure.withLock { $0 = failure }
                        wake.raise()
                    }
                    // The wake tells of an empty queue that has got something: only an empty one may be left.
                    if !records.isEmpty || count <= 0 { return .records(records) }
                }
            }
        }
        return taken ?? .busy
    }

    /// What ends the reading; nil for what passes by itself.
    private static func failure(_ message: rd_kafka_message_t, _ doing: String) -> BusError? {
        let mayPass =
            switch message.err {
            case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE,
                RD_KAFKA_RESP_ERR__BAD_MSG, RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
                false
            default: message.err.refusal == nil
            }
        if mayPass { return nil }
        return BusError(message.err, doing, reason: String(cString: rd_kafka_message_errstr_text(message)))
    }

    /// Takes no more; must come before the handle is destroyed.
    func close() {
        queue.withLock { queue in
            guard let pointer = queue?.pointer else { return }
            rd_kafka_queue_cb_event_enable(pointer, nil, nil)
            rd_kafka_queue_destroy(pointer)
            queue = nil
        }
        wake.raise()
    }
}

/// An error's text is the payload of the message that carries it.
private func rd_kafka_message_errstr_text(_ message: rd_kafka_message_t) -> UnsafePointer<CChar> {
    guard let payload = message.payload else { return rd_kafka_err2str(message.err) }
    return UnsafePointer(payload.assumingMemoryBound(to: CChar.self))
}

extension BusRecord {
    /// - Parameter length: of the prefix that all names of topics have, in bytes.
    init(_ message: UnsafeMutablePointer<rd_kafka_message_t>, droppingPrefix length: Int) {
        let found = message.pointee
        var kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
        // In milliseconds.
        let time = rd_kafka_message_timestamp(message, &kind)
        self.init(
            topic: String(cString: rd_kafka_topic_name(found.rkt) + length), partition: Int(found.partition),
            offset: found.offset,
            key: found.key.map {
                String(decoding: UnsafeRawBufferPointer(start: $0, count: found.key_len), as: UTF8.self)
            },
            value: found.payload.map { Array(UnsafeRawBufferPointer(start: $0, count: found.len)) },
            headers: Self.headers(of: message), publishedAt: Timestamp(microseconds: max(0, time) * 1000))
    }

    private static func headers(of message: UnsafeMutablePointer<rd_kafka_message_t>) -> [Header] {
        var headers: OpaquePointer?
        guard !rd_kafka_message_headers(message, &headers).isError, let headers else { return [] }
        let count = rd_kafka_header_cnt(headers)
        return (0..<count).compactMap { index in
            var name: UnsafePointer<CChar>?
            var value: UnsafeRawPointer?
            var size = 0
            guard !rd_kafka_header_get_all(headers, index, &name, &value, &size).isError, let name else { return nil }
            return Header(
                String(cString: name),
                String(decoding: UnsafeRawBufferPointer(start: value, count: size), as: UTF8.self))
        }
    }
}
