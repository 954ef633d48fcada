import CKafka
import MillracePorts
import Platform
import Synchronization

/// A member of a group, as its caller sees it. Its thread owns the handle and never stops polling, so that the member
/// lives on however long its caller works; records stay with librdkafka until they are asked for.
final class KafkaMember: GroupMember {
    enum Request: Sendable {
        case commit(CommitQueue.Job)
        case release(Set<Int>)
        case seek([Int: Int64], Reply<Bool, BusError>)
        /// How many partitions the topic of an exclusive group has by now.
        case partitions(Result<Int, BusError>)
        case leave
        /// For tests: end as if the process had been killed.
        case die
        /// For tests: do not poll until the signal is raised.
        case stall(Signal)
    }

    let membership: Membership
    let groupID: String
    let mailbox = Mailbox<Request>(limit: 4096)
    let state = Mutex(MemberState())
    let wake = Wake()
    let ended = Reply<Bool, Never>()
    private let questions: KafkaQuestions
    private let settings: KafkaSettings
    private let records = Mutex<RecordQueue?>(nil)

    init(_ membership: Membership, groupID: String, _ questions: KafkaQuestions, _ settings: KafkaSettings) {
        self.membership = membership
        self.groupID = groupID
        self.questions = questions
        self.settings = settings
    }

    var topic: String { membership.topic }

    func start(_ health: KafkaHealth) {
        let settings = settings
        let questions = questions
        NamedThread.start("kafka-\(topic)") {
            MemberThread(member: self, settings, questions).run(health)
        }
    }

    /// The thread's handle is there, or gone.
    func connect(_ queue: RecordQueue?) { records.withLock { $0 = queue } }

    // MARK: For the caller

    func next(limit: Int) async throws(BusError) -> MemberEvent {
        let wake = wake
        while true {
            let seen = wake.count
            if Task.isCancelled { return .idle }
            if let event = try take(limit: limit) { return event }
            await withTaskCancellationHandler {
                await wake.wait(past: seen)
                // So long the cores are left to those that somebody waits for.
                if membership.linger > .zero { try? await Task.sleep(for: membership.linger) }
            } onCancel: {
                wake.raise()
            }
        }
    }

    private func take(limit: Int) throws(BusError) -> MemberEvent? {
        if let event = state.withLock({ $0.take() }) { return try event.get() }
        guard let records = records.withLock({ $0 }) else { return nil }
        switch records.take(limit: limit, "reading \(topic)", wanted: { state.withLock { $0.readable } }) {
        case .records(let taken):
            guard !taken.isEmpty else { return nil }
            // What changed while they were taken comes first: records of what is to be released are not handed out.
            let readable = state.withLock { $0.readable }
            let kept = taken.filter { readable.contains($0.partition) }
            if kept.isEmpty { wake.raise() }
            return kept.isEmpty ? nil : .records(kept)
        case .busy: return nil
        case .closed: return nil
        case .failed(let error): throw error
        }
    }

    func interrupt() {
        state.withLock { $0.interrupt() }
        wake.raise()
    }

    func seek(_ offsets: [Int: Int64]) async throws(BusError) {
        guard membership.sharing == .exclusive else {
            throw BusError(.unsupported, "seeking in \(topic)", cause: "the group is shared")
        }
        try await questions.check(offsets, of: topic, "seeking in \(topic)")
        let reply = Reply<Bool, BusError>()
        try post(.seek(offsets, reply), "seeking in \(topic)")
        _ = try await reply.value()
    }

    func commit(_ offsets: [Int: Int64]) async throws(BusError) {
        guard !offsets.isEmpty else { return }
        // The broker fences members, not partitions: that is done here, and again when it is sent.
        guard state.withLock({ $0.owned.isSuperset(of: offsets.keys) }) else { throw notOurs }
        let reply = Reply<Bool, BusError>()
        let deadline = ContinuousClock.now + max(settings.deliveryTimeout, membership.releaseTimeout)
        do throws(BusError) {
            try post(.commit(.init(offsets: offsets, deadline: deadline, reply: reply)), "committing \(topic)")
        } catch {
            throw error.code == .closed ? notOurs : error
        }
        _ = try await reply.value()
    }

    var notOurs: BusError {
        BusError(.fenced, "committing \(topic)", cause: "a partition is no longer this member’s")
    }

    func release(_ partitions: Set<Int>) async throws(BusError) {
        state.withLock { $0.release(partitions) }
        do throws(BusError) { try post(.release(partitions), "releasing partitions of \(topic)") } catch {
            // A member that was dropped meanwhile has nothing left to release; `next` tells of that.
            if error.code != .closed { throw error }
        }
    }

    func leave() async {
        state.withLock { state in
            state.release(state.owned)
            state.fail(BusError(.closed, "reading \(topic)"))
        }
        wake.raise()
        _ = mailbox.post(.leave)
        _ = await ended.value()
    }

    /// Ends the member as if its process had been killed: for tests.
    func die() async {
        _ = mailbox.post(.die)
        _ = await ended.value()
    }

    /// Keeps the thread from polling until the signal is raised: for tests.
    func stall(until signal: Signal) { _ = mailbox.post(.stall(signal)) }

    private func post(_ request: Request, _ doing: String) throws(BusError) {
        switch mailbox.post(request) {
        case .taken: break
        case .closed: throw BusError(.closed, doing)
        // So many callers at once do not wait for answers, though the port says that one does.
        case .full: throw BusError(.unavailable, doing, cause: "too many requests wait already")
        }
    }
}
