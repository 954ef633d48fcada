import CKafka
import MillracePorts
import Platform
import Synchronization

extension MemberThread {
    typealias List = UnsafeMutablePointer<rd_kafka_topic_partition_list_t>

    /// The group's coordinator has given partitions, or wants some back.
    func rebalance(_ event: OpaquePointer, _ handle: KafkaHandle, _ records: RecordQueue) {
        guard let list = rd_kafka_event_topic_partition_list(event) else { return }
        // Nothing comes while a revocation is held, unless librdkafka has joined anew without it: it does so when it sees
        // that the topic has grown. What is held is another's then.
        let isOverrun = hold != nil && mayHold
        defer { if isOverrun { fence(handle, records, "the group went on while it held partitions") } }
        switch rd_kafka_event_error(event) {
        case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS: assign(list, handle, records)
        case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS: revoke(list, handle, records)
        default:
            // Never said of a cooperative group; the assignment must be given up all the same.
            records.exclusively { _ in _ = rd_kafka_assign(handle.pointer, nil) }
        }
        commits.hurry()
    }

    private func assign(_ list: List, _ handle: KafkaHandle, _ records: RecordQueue) {
        let partitions = list.partitions(of: subscription)
        if isExclusive {
            // The hidden topic has no records: nothing is to be looked up for it.
            for index in 0..<Int(list.pointee.cnt) { list.pointee.elems[index].offset = Int64(RD_KAFKA_OFFSET_END) }
        } else {
            records.collect(topic, partitions)
        }
        let failure = records.exclusively { _ in
            // Before any record comes: one that came for nobody would be dropped.
            if !isExclusive { member.state.withLock { $0.assign(partitions) } }
            return rd_kafka_incremental_assign(handle.pointer, list).map {
                BusError(taking: $0, "taking partitions of \(topic)")
            }
        }
        if let failure { return fence(handle, records, failure.cause ?? "\(failure)") }
        guard isExclusive, !partitions.isEmpty else { return }
        isActive = true
        askForPartitions()
    }

    private func revoke(_ list: List, _ handle: KafkaHandle, _ records: RecordQueue) {
        let partitions = list.partitions(of: subscription)
        let asked = isExclusive ? (partitions.isEmpty ? [] : owned) : partitions.intersection(owned)
        guard let copy = rd_kafka_topic_partition_list_copy(list) else { return }
        let limit = ContinuousClock.now + member.membership.releaseTimeout
        let hold = Hold(list: copy, missing: asked, deadline: limit)
        let isLost = rd_kafka_assignment_lost(handle.pointer) != 0
        guard mayHold, !isLost, !asked.isEmpty, self.hold == nil else {
            finish(hold, handle, records)
            if isLost, mayHold, !asked.isEmpty {
                fence(handle, records, "it gave no sign of life in time")
            }
            return
        }
        self.hold = hold
        member.state.withLock { $0.startReleasing(asked) }
        member.wake.raise()
    }

    /// The caller has released partitions.
    func released(_ partitions: Set<Int>, _ handle: KafkaHandle, _ records: RecordQueue) {
        hold?.missing.subtract(partitions)
        finishHold(handle, records)
    }

    /// Gives up what was asked for, when all of it is released and no commit of it is under way.
    func finishHold(_ handle: KafkaHandle, _ records: RecordQueue) {
        guard let hold, hold.missing.isEmpty, !commits.isUnderWay else { return }
        finish(hold, handle, records)
    }

    /// The caller has taken too long.
    func overdue(_ hold: Hold, _ handle: KafkaHandle, _ records: RecordQueue) {
        member.state.withLock { $0.lose(hold.missing) }
        member.wake.raise()
        finish(hold, handle, records)
    }

    func finish(_ hold: Hold, _ handle: KafkaHandle, _ records: RecordQueue) {
        self.hold = nil
        defer { rd_kafka_topic_partition_list_destroy(hold.list) }
        if isExclusive, !hold.list.partitions(of: subscription).isEmpty {
            isActive = false
            lookAgainAt = nil
            for partition in reading {
                rd_kafka_topic_partition_list_add(hold.list, topic, Int32(clamping: partition))
            }
            reading = []
        }
        let failure = records.exclusively { _ in
            rd_kafka_incremental_unassign(handle.pointer, hold.list).map {
                BusError(taking: $0, "giving up partitions of \(topic)")
            }
        }
        if let failure { fence(handle, records, failure.cause ?? "\(failure)") }
    }

    // MARK: Exclusive groups

    /// Asks how many partitions there are; the answer comes as a request.
    func askForPartitions() {
        guard !isAsking else { return }
        isAsking = true
        lookAgainAt = nil
        let topic = topic
        let doing = "reading \(topic)"
        questions.ask(doing) { (client) throws(BusError) in
            try client.partitionCounts(of: topic, doing)[topic] ?? 0
        } answer: { [member] result in
            _ = member.mailbox.post(.partitions(result))
        }
    }

    func lookForGrowth() {
        guard mayHold, isActive, let time = lookAgainAt, ContinuousClock.now >= time else { return }
        askForPartitions()
    }

    func counted(_ result: Result<Int, BusError>, _ handle: KafkaHandle, _ records: RecordQueue) {
        isAsking = false
        guard mayHold, isActive else { return }
        lookAgainAt = ContinuousClock.now + settings.metadataInterval
        guard hold == nil, case .success(let count) = result else {
            // What is known already is read on; with nothing known, it is asked again soon.
            if owned.isEmpty { lookAgainAt = ContinuousClock.now + .milliseconds(200) }
            return
        }
        let new = Set(0..<count).subtracting(owned)
        guard !new.isEmpty else { return }
        member.state.withLock { $0.assign(new) }
        member.wake.raise()
        guard member.membership.start == .committed else { return }
        let none = Int64(RD_KAFKA_OFFSET_INVALID)
        let failure = read(Dictionary(uniqueKeysWithValues: new.map { ($0, none) }), handle, records)
        if let failure { return fence(handle, records, failure.cause ?? "\(failure)") }
    }

    /// Reads partitions from where the caller says.
    func seek(_ offsets: [Int: Int64], _ reply: Reply<Bool, BusError>, _ handle: KafkaHandle, _ records: RecordQueue) {
        // What is no longer this member's is passed over: it has been told, or is about to be.
        let wanted = offsets.filter { owned.contains($0.key) }
        let again = reading.intersection(wanted.keys)
        if !again.isEmpty {
            records.exclusively { _ in
                rd_kafka_topic_partition_list_t.with(topic, wanted.filter { again.contains($0.key) }) {
                    if let error = rd_kafka_incremental_unassign(handle.pointer, $0) { rd_kafka_error_destroy(error) }
                }
            }
            reading.subtract(again)
        }
        if let failure = read(wanted, handle, records) { return reply.bring(.failure(failure)) }
        reply.bring(.success(true))
    }

    private func read(_ offsets: [Int: Int64], _ handle: KafkaHandle, _ records: RecordQueue) -> BusError? {
        guard !offsets.isEmpty else { return nil }
        records.collect(topic, Set(offsets.keys))
        let failure = records.exclusively { _ in
            rd_kafka_topic_partition_list_t.with(topic, offsets) { list in
                rd_kafka_incremental_assign(handle.pointer, list).map {
                    BusError(taking: $0, "reading partitions of \(topic)")
                }
            }
        }
        if failure == nil { reading.formUnion(offsets.keys) }
        return failure
    }
}
