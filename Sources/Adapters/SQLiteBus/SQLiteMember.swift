import GRDB
import MillraceCore
import MillracePorts
import Platform
import Synchronization

/// A member of a group. Its thread follows the group and reads ahead; it sleeps on the topic's word in between.
final class SQLiteMember: GroupMember {
    let membership: Membership
    let joined: Transaction.Joined
    private let file: BusFile
    private let writer: BusWriter
    private let reader: PartitionReader
    private let state = Mutex(MemberState())
    /// Raised when the caller has made room.
    private let drained = Signal()
    /// Never raised: for waits that only time ends.
    private let linger = Signal()
    private let onLeave: @Sendable (Int64) -> Void

    init(
        membership: Membership, joined: Transaction.Joined, file: BusFile, writer: BusWriter,
        onLeave: @escaping @Sendable (Int64) -> Void
    ) throws(BusError) {
        self.membership = membership
        self.joined = joined
        self.file = file
        self.writer = writer
        self.onLeave = onLeave
        reader = PartitionReader(topic: membership.topic, database: try file.openReader())
        NamedThread.start("bus-\(membership.topic)") { self.follow() }
    }

    /// A file that cannot be read is tried again so often, five seconds in all.
    private static let patience = 50
    private static let retryInterval: Duration = .milliseconds(100)

    private var word: Int { Int(joined.topicID) }

    // MARK: For the caller

    func next(limit: Int) async throws(BusError) -> MemberEvent {
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let result = state.withLock { state -> Result<MemberEvent, BusError>? in
                    if Task.isCancelled { return .success(.idle) }
                    if let result = state.take(limit: limit) { return result }
                    if state.isClosed { return .failure(BusError(.closed, "reading \(membership.topic)")) }
                    state.waiter = (limit, continuation)
                    return nil
                }
                if let result { continuation.resume(returning: result) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.continuation.resume(returning: .success(.idle))
        }
        drained.raise()
        return try result.get()
    }

    func interrupt() {
        state.withLock { $0.isInterrupted = true }
        answer()
    }

    func seek(_ offsets: [Int: Int64]) async throws(BusError) {
        let bounds = try await writer.run { [joined] transaction in
            try PartitionReader.bounds(transaction.db, topicID: joined.topicID)
        }
        for (partition, offset) in offsets {
            guard let bound = bounds[partition] else {
                throw BusError(.unknownPartition, "seeking in \(membership.topic)/\(partition)")
            }
            guard (bound.begin...bound.end).contains(offset) else {
                throw BusError(
                    .offsetOutOfRange, "seeking in \(membership.topic)/\(partition)",
                    cause: "\(offset) is not within \(bound.begin)…\(bound.end)")
            }
        }
        state.withLock { $0.seek(offsets) }
        file.wake.raise(word)
    }

    func commit(_ offsets: [Int: Int64]) async throws(BusError) {
        guard !offsets.isEmpty else { return }
        // Nobody waits for a commit as for a record: it goes with the next one, if one comes soon.
        try await writer.run(isUrgent: false) { [joined] transaction in
            try transaction.commit(offsets, group: joined.groupID, member: joined.memberID)
        }
    }

    func release(_ partitions: Set<Int>) async throws(BusError) {
        state.withLock { $0.released(partitions) }
        try await writer.run { [joined] transaction in
            try transaction.changeGroup(joined.groupID) { group, _ in group.release(partitions, by: joined.memberID) }
        }
    }

    func leave() async {
        let wasOpen = state.withLock { state in
            defer { state.isClosed = true }
            return !state.isClosed
        }
        guard wasOpen else { return }
        onLeave(joined.memberID)
        drained.raise()
        file.wake.raise(word)
        // If the file cannot be written the lease ends it.
        try? await writer.run { [joined] transaction in
            try transaction.changeGroup(joined.groupID) { group, now in group.leave(joined.memberID, now: now) }
        }
    }

    // MARK: The reading thread

    private func follow() {
        var generation: Int64 = -1
        var first = 0
        var failures = 0
        while true {
            let seen = file.wake.count(word)
            let drainedCount = drained.count
            let (positions, epoch, room, isClosed) = state.withLock { ($0.positions, $0.epoch, $0.room, $0.isClosed) }
            if isClosed { break }
            do throws(BusError) {
                let look = try look(since: generation, positions: positions, room: room, first: first)
                generation = look.generation
                failures = 0
                if let last = look.records.last { first = last.partition + 1 }
                // Records first: what was read under the old holdings is purged by the new ones, not after them.
                state.withLock { $0.deliver(look.records, positions: look.positions, epoch: epoch) }
                if let group = look.group { try follow(group) }
                answer()
                if !look.records.isEmpty || state.withLock({ $0.epoch }) != epoch { continue }
            } catch {
                // A fenced member ends at once; anything else may pass, and ends the member only if it lasts.
                failures += 1
                if error.code == .fenced || failures >= Self.patience {
                    state.withLock { $0.failure = error }
                    answer()
                    break
                }
                generation = -1
                drained.wait(past: drainedCount, atMost: Self.retryInterval)
                continue
            }
            if room == 0 {
                drained.wait(past: drainedCount, atMost: .milliseconds(100))
            } else {
                file.wake.wait(word, past: seen, atMost: .seconds(10))
                // So long the cores are left to those that somebody waits for.
                if membership.linger > .zero { linger.wait(past: 0, atMost: membership.linger) }
            }
        }
        let waiter = state.withLock { state in
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.continuation.resume(returning: .failure(BusError(.closed, "reading \(membership.topic)")))
    }

    private struct Look: Sendable {
        var generation: Int64
        /// The group, if it has changed.
        var group: ConsumerGroup?
        var positions: [Int: Int64]
        var records: [BusRecord]
    }

    private func look(since generation: Int64, positions: [Int: Int64], room: Int, first: Int) throws(BusError) -> Look
    {
        try mapErrors("reading \(membership.topic)") {
            try reader.database.inDatabase { db in
                var look = Look(generation: generation, group: nil, positions: positions, records: [])
                try db.inTransaction(.deferred) {
                    let statement = try db.cachedStatement(sql: "SELECT generation, exclusive FROM groups WHERE id = ?")
                    guard let row = try Row.fetchOne(statement, arguments: [joined.groupID]) else {
                        throw BusError(.fenced, "following the group \(membership.group)", cause: "it is gone")
                    }
                    look.generation = row[0]
                    if look.generation != generation {
                        look.group = try ConsumerGroup.fetch(db, id: joined.groupID, isExclusive: row[1])
                    }
                    if room > 0 {
                        look.records = try reader.fetch(
                            db, topicID: joined.topicID, positions: &look.positions, limit: room, first: first)
                    }
                    return .commit
                }
                return look
            }
        }
    }

    /// Takes a group's change to heart: what is lost, what is to be released, what can be taken.
    private func follow(_ group: ConsumerGroup) throws(BusError) {
        let id = joined.memberID
        guard group.contains(id) else {
            state.withLock { $0.lose($0.owned) }
            throw BusError(.fenced, "following the group \(membership.group)", cause: "this member was taken for dead")
        }
        let owned = group.owned(by: id)
        state.withLock { state in
            state.lose(state.owned.subtracting(owned))
            state.startReleasing(group.releasing(by: id))
        }
        guard !group.takable(by: id).isEmpty else { return }
        let keepsOffsets = membership.start == .kept
        let taken = try writer.runBlocking { [joined] transaction in
            var taken: Set<Int> = []
            try transaction.changeGroup(joined.groupID) { group, _ in taken = group.take(joined.memberID) }
            return (taken, keepsOffsets ? [:] : try transaction.startOffsets(taken, group: joined))
        }
        guard !taken.0.isEmpty else { return }
        state.withLock { $0.assign(taken.0, positions: taken.1) }
    }

    /// Gives the waiting caller what there is.
    private func answer() {
        let answer = state.withLock { state in
            guard let waiter = state.waiter, let result = state.take(limit: waiter.limit) else {
                return nil as (() -> Void)?
            }
            state.waiter = nil
            return { waiter.continuation.resume(returning: result) }
        }
        answer?()
    }
}
