import CKafka
import MillracePorts
import Platform
import Synchronization

/// Reads partitions without a group, through a handle of its own: so it needs no coordinator.
final class KafkaTopicReader: TopicReader {
    private let topic: String
    private let handle: KafkaHandle
    private let queue: RecordQueue
    private let wake: Wake
    private let isClosed = Mutex(false)
    private let partitions: Set<Int>
    private let local: KafkaPointer

    /// Blocks for about a millisecond. The offsets must have been checked.
    init(topic: String, from offsets: [Int: Int64], _ settings: KafkaSettings, _ health: KafkaHealth) throws(BusError) {
        self.topic = topic
        wake = Wake()
        handle = try KafkaHandle(.reader, settings, health)
        queue = try RecordQueue(handle, wake: wake, prefix: settings.topicPrefix)
        partitions = Set(offsets.keys)
        guard let local = rd_kafka_topic_new(handle.pointer, topic, nil) else {
            throw BusError(rd_kafka_last_error(), "reading \(topic)")
        }
        self.local = KafkaPointer(local)
        for (partition, offset) in offsets
        where !queue.start(self.local, partition: partition, at: offset) {
            throw BusError(rd_kafka_last_error(), "reading \(topic)/\(partition)")
        }
    }

    func next(limit: Int) async throws(BusError) -> [BusRecord] {
        let wake = wake
        while true {
            let seen = wake.count
            if Task.isCancelled { return [] }
            switch queue.take(limit: limit, "reading \(topic)", wanted: { nil }) {
            case .records(let records): if !records.isEmpty { return records }
            case .busy: break
            case .closed: throw BusError(.closed, "reading \(topic)")
            case .failed(let error): throw error
            }
            await withTaskCancellationHandler {
                await wake.wait(past: seen)
            } onCancel: {
                wake.raise()
            }
        }
    }

    func close() async {
        let wasOpen = isClosed.withLock { isClosed in
            defer { isClosed = true }
            return !isClosed
        }
        guard wasOpen else { return }
        await NamedThread.run("kafka-close") {
            // Stopping waits for the broker's thread, which a fetch does not hold up.
            for partition in self.partitions {
                _ = rd_kafka_consume_stop(self.local.pointer, Int32(clamping: partition))
            }
            self.queue.close()
            rd_kafka_topic_destroy(self.local.pointer)
        }
        // Threads and connections end in their own time; nobody need wait for that.
        NamedThread.start("kafka-close") { [handle] in handle.destroy() }
    }
}
