import CKafka
import Logging
import MillracePorts
import Platform
import Synchronization

/// A member's thread: polls the group's queue, without pause, and does what the caller asks. It alone uses the handle,
/// but for the records, which the caller takes by himself.
final class MemberThread {
    let member: KafkaMember
    let settings: KafkaSettings
    let questions: KafkaQuestions
    var commits = CommitQueue()
    /// Whether a join was pending when commits were last looked at.
    var isJoining = false
    /// A revocation that waits until the caller has released what it takes.
    var hold: Hold?
    /// Of an exclusive group: whether this member has the hidden topic's one partition, and which of the data
    /// partitions it reads.
    var isActive = false
    var reading: Set<Int> = []
    var isAsking = false
    var lookAgainAt: ContinuousClock.Instant?
    /// Until when its handle is hurried on: it is about to be given its first partitions.
    private var joinsUntil: ContinuousClock.Instant? = .now + .seconds(10)
    private var isClosing = false
    private var isDead = false
    private var closing: OpaquePointer?

    struct Hold {
        var list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>
        /// What the caller still has to release.
        var missing: Set<Int>
        var deadline: ContinuousClock.Instant
    }

    init(member: KafkaMember, _ settings: KafkaSettings, _ questions: KafkaQuestions) {
        self.member = member
        self.settings = settings
        self.questions = questions
    }

    var topic: String { member.topic }
    var isExclusive: Bool { member.membership.sharing == .exclusive }
    var owned: Set<Int> { member.state.withLock { $0.owned } }
    /// What the group's members subscribe to.
    var subscription: String { isExclusive ? KafkaNames.activeTopic(ofGroup: member.groupID) : topic }

    func run(_ health: KafkaHealth) {
        do throws(BusError) {
            let handle = try KafkaHandle(.member(member.membership, groupID: member.groupID), settings, health)
            let records = try RecordQueue(handle, wake: member.wake, prefix: settings.topicPrefix)
            rd_kafka_poll_set_consumer(handle.pointer)
            guard let queue = rd_kafka_queue_get_consumer(handle.pointer) else {
                throw BusError(.unavailable, "joining the group ‘\(member.groupID)’")
            }
            member.connect(records)
            member.mailbox.connect(KafkaPointer(queue))
            try subscribe(handle.pointer)
            loop(handle, records, queue)
            end(handle, records, queue)
        } catch {
            fail(error)
            answerAll(error)
            member.ended.bring(.success(true))
        }
    }

    private func subscribe(_ handle: OpaquePointer) throws(BusError) {
        let unassigned = [Int(RD_KAFKA_PARTITION_UA): Int64(RD_KAFKA_OFFSET_INVALID)]
        let code = rd_kafka_topic_partition_list_t.with(subscription, unassigned) { rd_kafka_subscribe(handle, $0) }
        if code.isError { throw BusError(code, "joining the group ‘\(member.groupID)’") }
    }

    private func loop(_ handle: KafkaHandle, _ records: RecordQueue, _ queue: OpaquePointer) {
        while !isDead {
            if let event = rd_kafka_queue_poll(closing ?? queue, isClosing ? 20 : pause) {
                take(event, handle, records)
                rd_kafka_event_destroy(event)
            }
            hurry(handle.pointer)
            for request in member.mailbox.take() { perform(request, handle, records) }
            if let hold, ContinuousClock.now >= hold.deadline { overdue(hold, handle, records) }
            lookForGrowth()
            sendCommits(handle, queue)
            if isClosing, closing == nil { startClosing(handle) }
            if closing != nil, rd_kafka_consumer_closed(handle.pointer) != 0 { break }
        }
    }

    /// librdkafka takes each step of a join when something wakes its main thread, or else once a second. A question
    /// wakes it.
    private func hurry(_ handle: OpaquePointer) {
        guard !isClosing, let end = joinsUntil else { return }
        if ContinuousClock.now >= end { joinsUntil = nil } else { _ = rd_kafka_rebalance_protocol(handle) }
    }

    /// Until something has to be done that no event brings, in milliseconds.
    private var pause: Int32 {
        if joinsUntil != nil || (isJoining && !commits.isEmpty) { return 10 }
        let next = [hold?.deadline, commits.retryAt, lookAgainAt].compactMap { $0 }.min()
        guard let next else { return 1000 }
        return max(0, min(1000, (next - ContinuousClock.now).milliseconds))
    }

    private func take(_ event: OpaquePointer, _ handle: KafkaHandle, _ records: RecordQueue) {
        switch rd_kafka_event_type(event) {
        case RD_KAFKA_EVENT_REBALANCE:
            joinsUntil = nil
            rebalance(event, handle, records)
        case RD_KAFKA_EVENT_OFFSET_COMMIT: committed(event, handle, records)
        case RD_KAFKA_EVENT_ERROR:
            handle.health.note(event: event)
            let code = rd_kafka_event_error(event)
            guard code.refusal != nil || rd_kafka_event_error_is_fatal(event) != 0 else { return }
            fail(
                BusError(code, "reading \(topic)", reason: String(cString: rd_kafka_event_error_string(event))))
        default: break
        }
    }

    private func perform(_ request: KafkaMember.Request, _ handle: KafkaHandle, _ records: RecordQueue) {
        switch request {
        case .commit(let job): commits.append(job)
        case .release(let partitions): released(partitions, handle, records)
        case .seek(let offsets, let reply): seek(offsets, reply, handle, records)
        case .partitions(let result): counted(result, handle, records)
        case .leave:
            isClosing = true
            // All of it has been given up with the member.
            if let hold { finish(hold, handle, records) }
        case .die: isDead = true
        case .stall(let signal): signal.wait(past: 0)
        }
    }

    // MARK: The end

    func fail(_ error: BusError) {
        member.state.withLock { $0.fail(error) }
        member.wake.raise()
    }

    /// The group has gone on without this member: what it had is another's, and it leaves, so as not to be given
    /// anything that nobody would read.
    func fence(_ handle: KafkaHandle, _ records: RecordQueue, _ cause: String) {
        guard !isClosing else { return }
        handle.health.logger.warning("kafka: \(member.membership.name) was dropped from \(member.groupID): \(cause)")
        member.state.withLock { state in
            state.lose(state.owned)
            state.fail(BusError(.fenced, "reading \(topic)", cause: cause))
        }
        member.wake.raise()
        isClosing = true
        if let hold { finish(hold, handle, records) }
    }

    private func startClosing(_ handle: KafkaHandle) {
        guard commits.isEmpty || owned.isEmpty else { return }
        closing = rd_kafka_queue_new(handle.pointer)
        if let error = rd_kafka_consumer_close_queue(handle.pointer, closing) {
            rd_kafka_error_destroy(error)
            isDead = true
        }
    }

    var mayHold: Bool { !isClosing }

    private func end(_ handle: KafkaHandle, _ records: RecordQueue, _ queue: OpaquePointer) {
        member.connect(nil)
        records.close()
        let end = BusError(isDead ? .fenced : .closed, "reading \(topic)")
        fail(end)
        answerAll(member.notOurs)
        if let hold { rd_kafka_topic_partition_list_destroy(hold.list) }
        if let closing { rd_kafka_queue_destroy(closing) }
        rd_kafka_queue_destroy(queue)
        // The group has been left; threads and connections may end after that.
        if !isDead { member.ended.bring(.success(true)) }
        handle.destroy(leaving: !isDead)
        if isDead { member.ended.bring(.success(true)) }
    }

    private func answerAll(_ error: BusError) {
        for request in member.mailbox.close() {
            switch request {
            case .commit(let job): job.reply.bring(.failure(error))
            case .seek(_, let reply): reply.bring(.failure(error))
            case .release, .partitions, .leave, .die, .stall: break
            }
        }
        for job in commits.removeAll() { job.reply.bring(.failure(error)) }
    }
}
