import CKafka
import MillracePorts
import Platform

extension MemberThread {
    /// How long a commit waits that met a rebalance, unless the group settles before.
    private static let retryPause: Duration = .milliseconds(100)

    /// None while a join is pending: it would wait behind that, come with the generation before, and librdkafka would give
    /// up the assignment for its refusal (its issue 4059).
    func sendCommits(_ handle: KafkaHandle, _ queue: OpaquePointer) {
        isJoining = handle.log.isJoining
        guard !isJoining else { return }
        let (offsets, refused) = commits.send(owned: owned, now: .now)
        for job in refused { job.reply.bring(.failure(member.notOurs)) }
        guard !offsets.isEmpty else { return }
        let code = rd_kafka_topic_partition_list_t.with(topic, offsets) {
            rd_kafka_commit_queue(handle.pointer, $0, queue, nil, nil)
        }
        if code.isError { settle(code) }
    }

    /// A commit's answer has come.
    func committed(_ event: OpaquePointer, _ handle: KafkaHandle, _ records: RecordQueue) {
        var code = rd_kafka_event_error(event)
        if !code.isError, let list = rd_kafka_event_topic_partition_list(event) {
            code = list.items.first { $0.err.isError }?.err ?? code
        }
        settle(code)
        switch code {
        case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
            // No other word of it comes while a revocation is held.
            fence(handle, records, String(cString: rd_kafka_err2str(code)))
        default: finishHold(handle, records)
        }
    }

    private func settle(_ code: rd_kafka_resp_err_t) {
        guard code.isError else {
            for job in commits.answered() { job.reply.bring(.success(true)) }
            return
        }
        let error = BusError(code, "committing \(topic)")
        guard code.isWorthCommittingAgain else {
            for job in commits.answered() { job.reply.bring(.failure(error)) }
            return
        }
        for job in commits.refusedForNow(now: .now, pause: Self.retryPause) { job.reply.bring(.failure(error)) }
    }
}
