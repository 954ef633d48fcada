import CKafka
import Logging
import MillracePorts
import Platform
import Synchronization

/// A member of a group that subscribes to another topic than the rest, so that it is given none of theirs. Brokers make
/// the first member of an empty group wait for three seconds (`group.initial.rebalance.delay.ms`); beside it a member
/// that comes has its partitions after one round.
final class KafkaPlaceholder: GroupPlaceholder {
    private struct State {
        /// The handle's queue while there is one, for waking its thread.
        var queue: KafkaPointer?
        var isLeaving = false
    }

    private let groupID: String
    private let state = Mutex(State())
    private let leaving = Signal()
    private let ended = Reply<Bool, Never>()

    init(groupID: String) { self.groupID = groupID }

    /// - Parameter membership: of the placeholder's own topic.
    func start(_ membership: Membership, _ settings: KafkaSettings, _ health: KafkaHealth) {
        NamedThread.start("kafka-place") { self.run(membership, settings, health) }
    }

    func leave() async {
        state.withLock { state in
            state.isLeaving = true
            if let queue = state.queue { rd_kafka_queue_yield(queue.pointer) }
        }
        leaving.raise()
        _ = await ended.value()
    }

    private var isLeaving: Bool { state.withLock { $0.isLeaving } }

    // MARK: On its thread

    private func run(_ membership: Membership, _ settings: KafkaSettings, _ health: KafkaHealth) {
        while !isLeaving {
            do throws(BusError) {
                try hold(membership, settings, health)
            } catch {
                health.logger.warning("kafka: no place is held in \(groupID): \(error)")
            }
            // Only after an error that ends the handle: it is made anew.
            if !isLeaving { leaving.wait(past: 0, atMost: .seconds(10)) }
        }
        ended.bring(.success(true))
    }

    private func hold(_ membership: Membership, _ settings: KafkaSettings, _ health: KafkaHealth) throws(BusError) {
        let doing = "joining the group ‘\(groupID)’"
        let handle = try KafkaHandle(.member(membership, groupID: groupID), settings, health)
        defer { handle.destroy() }
        rd_kafka_poll_set_consumer(handle.pointer)
        guard let queue = rd_kafka_queue_get_consumer(handle.pointer) else { throw BusError(.unavailable, doing) }
        defer { rd_kafka_queue_destroy(queue) }
        state.withLock { $0.queue = KafkaPointer(queue) }
        defer { state.withLock { $0.queue = nil } }
        let all = [Int(RD_KAFKA_PARTITION_UA): Int64(RD_KAFKA_OFFSET_INVALID)]
        let code = rd_kafka_topic_partition_list_t.with(membership.topic, all) {
            rd_kafka_subscribe(handle.pointer, $0)
        }
        if code.isError { throw BusError(code, doing) }
        while !isLeaving {
            guard let event = rd_kafka_queue_poll(queue, 1000) else { continue }
            defer { rd_kafka_event_destroy(event) }
            try take(event, handle.pointer, health, doing)
        }
        try leaveGroup(handle.pointer, health, doing)
    }

    private func leaveGroup(_ handle: OpaquePointer, _ health: KafkaHealth, _ doing: String) throws(BusError) {
        let queue = rd_kafka_queue_new(handle)
        defer { rd_kafka_queue_destroy(queue) }
        if let error = rd_kafka_consumer_close_queue(handle, queue) { return rd_kafka_error_destroy(error) }
        while rd_kafka_consumer_closed(handle) == 0 {
            guard let event = rd_kafka_queue_poll(queue, 20) else { continue }
            defer { rd_kafka_event_destroy(event) }
            try take(event, handle, health, doing)
        }
    }

    private func take(
        _ event: OpaquePointer, _ handle: OpaquePointer, _ health: KafkaHealth, _ doing: String
    ) throws(BusError) {
        switch rd_kafka_event_type(event) {
        case RD_KAFKA_EVENT_REBALANCE: rebalance(event, handle)
        case RD_KAFKA_EVENT_ERROR:
            health.note(event: event)
            guard rd_kafka_event_error_is_fatal(event) != 0 else { return }
            throw BusError(
                rd_kafka_event_error(event), doing, reason: String(cString: rd_kafka_event_error_string(event)))
        default: break
        }
    }

    /// Takes what it is given of its own topic, and never reads it.
    private func rebalance(_ event: OpaquePointer, _ handle: OpaquePointer) {
        guard let list = rd_kafka_event_topic_partition_list(event) else { return }
        let error: OpaquePointer?
        switch rd_kafka_event_error(event) {
        case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
            for index in 0..<Int(list.pointee.cnt) { list.pointee.elems[index].offset = Int64(RD_KAFKA_OFFSET_END) }
            error = rd_kafka_incremental_assign(handle, list)
            rd_kafka_pause_partitions(handle, list)
        default: error = rd_kafka_incremental_unassign(handle, list)
        }
        if let error { rd_kafka_error_destroy(error) }
    }
}
