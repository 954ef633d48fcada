public import MillraceCore
import Synchronization

/// A bus in memory: for tests of services, and the first to pass the port's conformance suite.
///
/// Time stands still in it: leases end when ``expire(_:)`` says so, and nothing is ever deleted.
public final class InMemoryBus: MessageBus {
    fileprivate struct Member {
        var membership: Membership
        var group: String
        var owned: Set<Int> = []
        var releasing: Set<Int> = []
        var positions: [Int: Int64] = [:]
        var events: [MemberEvent] = []
        var isFenced = false
        var isInterrupted = false
        var waiter: (limit: Int, continuation: CheckedContinuation<Result<MemberEvent, BusError>, Never>)?
    }

    fileprivate struct Group {
        var topic: String
        var value: ConsumerGroup
        var committed: [Int: Int64] = [:]
    }

    fileprivate struct Reader {
        var topic: String
        var positions: [Int: Int64]
        var isClosed = false
        var waiter: (limit: Int, continuation: CheckedContinuation<Result<[BusRecord], BusError>, Never>)?
    }

    fileprivate struct State {
        var topics: [String: [[BusRecord]]] = [:]
        var groups: [String: Group] = [:]
        var members: [Int64: Member] = [:]
        var readers: [Int64: Reader] = [:]
        var lastID: Int64 = 0
        var refusal: BusError?
    }

    private let state = Mutex(State())
    private let now: @Sendable () -> Timestamp

    public let capabilities: BusCapabilities = [.growth]

    /// - Parameter now: what records say of when they were published.
    public init(now: @escaping @Sendable () -> Timestamp = { Timestamp(microseconds: 0) }) {
        self.now = now
    }

    /// Makes every call that sends fail with this error, until it is nil again: a bus that is away.
    public func refuseSending(_ error: BusError?) {
        state.withLock { $0.refusal = error }
    }

    /// Ends a member's lease, as if it had died.
    public func expire(_ member: any GroupMember) {
        guard let member = member as? InMemoryMember else { return }
        change { state in
            guard let group = state.members[member.id]?.group else { return }
            state.groups[group]?.value.leave(member.id, now: Timestamp(microseconds: 0))
        }
    }

    public func createTopic(_ name: String, partitions: Int, retention: Duration) async throws(BusError) {
        change { $0.grow(name, to: max(1, partitions)) }
    }

    public func growTopic(_ name: String, to partitions: Int) async throws(BusError) {
        let isKnown = change { state in
            guard state.topics[name] != nil else { return false }
            state.grow(name, to: partitions)
            return true
        }
        if !isKnown { throw BusError(.unknownTopic, "growing the topic ‘\(name)’") }
    }

    public func topics() async throws(BusError) -> [TopicDescription] {
        state.withLock { state in state.topics.keys.sorted().compactMap { state.describe($0) } }
    }

    public func describe(topic: String) async throws(BusError) -> TopicDescription {
        guard let description = state.withLock({ $0.describe(topic) }) else {
            throw BusError(.unknownTopic, "describing the topic ‘\(topic)’")
        }
        return description
    }

    public func describe(group: String, topic: String) async throws(BusError) -> GroupDescription {
        state.withLock { state in
            guard let found = state.groups["\(topic)/\(group)"] else {
                return GroupDescription(members: [], committed: [:])
            }
            return GroupDescription(
                members: found.value.members.map { .init(name: $0.name, partitions: found.value.owned(by: $0.id)) },
                committed: found.committed)
        }
    }

    public func send(_ records: [OutgoingRecord], urgency: Urgency) async throws(BusError) -> Receipt {
        let time = now()
        let result = change { $0.append(records, at: time) }
        return Receipt { result }
    }

    public func join(_ membership: Membership) async throws(BusError) -> any GroupMember {
        let id = change { state -> Int64? in
            guard let partitions = state.topics[membership.topic]?.count else { return nil }
            state.lastID += 1
            let id = state.lastID
            let key = "\(membership.topic)/\(membership.group)"
            var group =
                state.groups[key]
                ?? Group(
                    topic: membership.topic, value: ConsumerGroup(isExclusive: membership.sharing == .exclusive))
            let never = Timestamp(microseconds: .max)
            group.value.grow(to: partitions, now: Timestamp(microseconds: 0))
            group.value.join(.init(id: id, name: membership.name, leaseEnd: never), now: Timestamp(microseconds: 0))
            state.groups[key] = group
            state.members[id] = Member(membership: membership, group: key)
            return id
        }
        guard let id else { throw BusError(.unknownTopic, "joining the topic ‘\(membership.topic)’") }
        return InMemoryMember(bus: self, id: id)
    }

    public func read(topic: String, from offsets: [Int: Int64]) async throws(BusError) -> any TopicReader {
        let description = try await describe(topic: topic)
        for (partition, offset) in offsets {
            guard description.partitions.indices.contains(partition) else {
                throw BusError(.unknownPartition, "reading \(topic)/\(partition)")
            }
            guard (0...description.partitions[partition].end).contains(offset) else {
                throw BusError(.offsetOutOfRange, "reading \(topic)/\(partition)", cause: "offset \(offset)")
            }
        }
        let id = change { state in
            state.lastID += 1
            state.readers[state.lastID] = Reader(topic: topic, positions: offsets)
            return state.lastID
        }
        return InMemoryReader(bus: self, id: id)
    }

    public func close() async {}

    /// Changes the state, then wakes whoever that concerns.
    @discardableResult
    fileprivate func change<Value: Sendable>(_ body: (inout State) -> Value) -> Value {
        let (value, wakes) = state.withLock { state in
            let value = body(&state)
            for key in state.groups.keys { state.follow(key) }
            return (value, state.wakes())
        }
        for wake in wakes { wake() }
        return value
    }
}

extension InMemoryBus.State {
    mutating func grow(_ topic: String, to partitions: Int) {
        while topics[topic, default: []].count < partitions { topics[topic, default: []].append([]) }
        for key in groups.keys where groups[key]?.topic == topic {
            groups[key]?.value.grow(to: partitions, now: Timestamp(microseconds: 0))
        }
    }

    func describe(_ topic: String) -> TopicDescription? {
        topics[topic].map { partitions in
            TopicDescription(
                name: topic,
                partitions: partitions.enumerated().map { .init(number: $0, begin: 0, end: Int64($1.count)) })
        }
    }

    mutating func append(_ records: [OutgoingRecord], at time: Timestamp) -> Result<[RecordPosition], BusError> {
        if let refusal { return .failure(refusal) }
        for record in records {
            guard let partitions = topics[record.topic] else {
                return .failure(BusError(.unknownTopic, "publishing to ‘\(record.topic)’"))
            }
            guard partitions.indices.contains(record.partition) else {
                return .failure(BusError(.unknownPartition, "publishing to \(record.topic)/\(record.partition)"))
            }
            guard record.value?.count ?? 0 <= 1 << 20 else {
                return .failure(BusError(.tooLarge, "publishing to \(record.topic)"))
            }
        }
        return .success(
            records.map { record in
                let offset = Int64(topics[record.topic]?[record.partition].count ?? 0)
                topics[record.topic]?[record.partition].append(
                    BusRecord(
                        topic: record.topic, partition: record.partition, offset: offset, key: record.key,
                        value: record.value, headers: record.headers, publishedAt: time))
                return RecordPosition(topic: record.topic, partition: record.partition, offset: offset)
            })
    }

    /// Tells a group's members what has changed for them.
    mutating func follow(_ key: String) {
        guard var group = groups[key] else { return }
        for (id, var member) in members where member.group == key && !member.isFenced {
            let owned = group.value.owned(by: id)
            let lost = member.owned.subtracting(owned)
            if !lost.isEmpty { member.lose(lost, event: .lost(lost)) }
            if !group.value.contains(id) {
                member.isFenced = true
            } else {
                let asked = group.value.releasing(by: id).subtracting(member.releasing)
                if !asked.isEmpty {
                    member.releasing.formUnion(asked)
                    for partition in asked { member.positions[partition] = nil }
                    member.events.append(.releasing(asked))
                }
                let taken = group.value.take(id)
                if !taken.isEmpty {
                    member.owned.formUnion(taken)
                    member.events.append(.assigned(taken))
                    if member.membership.start == .committed {
                        for partition in taken { member.positions[partition] = group.committed[partition] ?? 0 }
                    }
                }
            }
            members[id] = member
        }
        groups[key] = group
    }

    /// Whoever waits for something that is there now.
    mutating func wakes() -> [() -> Void] {
        var wakes: [() -> Void] = []
        for id in members.keys {
            guard let waiter = members[id]?.waiter, let result = next(id, limit: waiter.limit) else { continue }
            members[id]?.waiter = nil
            wakes.append { waiter.continuation.resume(returning: result) }
        }
        for id in readers.keys {
            guard let waiter = readers[id]?.waiter, let result = read(id, limit: waiter.limit) else { continue }
            readers[id]?.waiter = nil
            wakes.append { waiter.continuation.resume(returning: result) }
        }
        return wakes
    }

    mutating func next(_ id: Int64, limit: Int) -> Result<MemberEvent, BusError>? {
        guard var member = members[id] else { return .failure(BusError(.closed, "reading")) }
        defer { members[id] = member }
        if member.isInterrupted {
            member.isInterrupted = false
            return .success(.idle)
        }
        if !member.events.isEmpty { return .success(member.events.removeFirst()) }
        if member.isFenced { return .failure(BusError(.fenced, "reading \(member.membership.topic)")) }
        let records = take(topic: member.membership.topic, positions: &member.positions, limit: limit)
        return records.isEmpty ? nil : .success(.records(records))
    }

    mutating func read(_ id: Int64, limit: Int) -> Result<[BusRecord], BusError>? {
        guard var reader = readers[id], !reader.isClosed else { return .failure(BusError(.closed, "reading")) }
        defer { readers[id] = reader }
        let records = take(topic: reader.topic, positions: &reader.positions, limit: limit)
        return records.isEmpty ? nil : .success(records)
    }

    private func take(topic: String, positions: inout [Int: Int64], limit: Int) -> [BusRecord] {
        var taken: [BusRecord] = []
        for partition in positions.keys.sorted() {
            guard let position = positions[partition], let records = topics[topic]?[partition] else { continue }
            let part = records.dropFirst(Int(position)).prefix(max(1, limit) - taken.count)
            taken.append(contentsOf: part)
            positions[partition] = position + Int64(part.count)
        }
        return taken
    }
}

extension InMemoryBus.Member {
    mutating func lose(_ partitions: Set<Int>, event: MemberEvent?) {
        owned.subtract(partitions)
        releasing.subtract(partitions)
        for partition in partitions { positions[partition] = nil }
        if let event { events.append(event) }
    }
}

private final class InMemoryMember: GroupMember {
    let bus: InMemoryBus
    let id: Int64

    init(bus: InMemoryBus, id: Int64) {
        self.bus = bus
        self.id = id
    }

    func next(limit: Int) async throws(BusError) -> MemberEvent {
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let result = bus.change { state -> Result<MemberEvent, BusError>? in
                    if Task.isCancelled { return .success(.idle) }
                    if let result = state.next(id, limit: limit) { return result }
                    state.members[id]?.waiter = (limit, continuation)
                    return nil
                }
                if let result { continuation.resume(returning: result) }
            }
        } onCancel: {
            let waiter = bus.change { state in
                defer { state.members[id]?.waiter = nil }
                return state.members[id]?.waiter?.continuation
            }
            waiter?.resume(returning: .success(.idle))
        }
        return try result.get()
    }

    func interrupt() {
        bus.change { $0.members[id]?.isInterrupted = true }
    }

    func seek(_ offsets: [Int: Int64]) async throws(BusError) {
        let problem = bus.change { state -> BusError? in
            guard let member = state.members[id] else { return BusError(.closed, "seeking") }
            let topic = member.membership.topic
            for (partition, offset) in offsets {
                guard let records = state.topics[topic], records.indices.contains(partition) else {
                    return BusError(.unknownPartition, "seeking in \(topic)/\(partition)")
                }
                guard (0...Int64(records[partition].count)).contains(offset) else {
                    return BusError(.offsetOutOfRange, "seeking in \(topic)/\(partition)", cause: "offset \(offset)")
                }
            }
            for (partition, offset) in offsets where member.owned.contains(partition) {
                state.members[id]?.positions[partition] = offset
            }
            return nil
        }
        if let problem { throw problem }
    }

    func commit(_ offsets: [Int: Int64]) async throws(BusError) {
        let isOwner = bus.change { state in
            guard let key = state.members[id]?.group, let owned = state.groups[key]?.value.owned(by: id),
                owned.isSuperset(of: offsets.keys)
            else { return false }
            state.groups[key]?.committed.merge(offsets) { _, new in new }
            return true
        }
        if !isOwner { throw BusError(.fenced, "committing", cause: "a partition is no longer this member's") }
    }

    func release(_ partitions: Set<Int>) async throws(BusError) {
        bus.change { state in
            guard let key = state.members[id]?.group else { return }
            state.groups[key]?.value.release(partitions, by: id)
            state.members[id]?.lose(partitions, event: nil)
        }
    }

    func leave() async {
        let waiter = bus.change { state in
            guard let member = state.members.removeValue(forKey: id) else {
                return nil as CheckedContinuation<Result<MemberEvent, BusError>, Never>?
            }
            state.groups[member.group]?.value.leave(id, now: Timestamp(microseconds: 0))
            return member.waiter?.continuation
        }
        waiter?.resume(returning: .failure(BusError(.closed, "reading")))
    }
}

private final class InMemoryReader: TopicReader {
    let bus: InMemoryBus
    let id: Int64

    init(bus: InMemoryBus, id: Int64) {
        self.bus = bus
        self.id = id
    }

    func next(limit: Int) async throws(BusError) -> [BusRecord] {
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let result = bus.change { state -> Result<[BusRecord], BusError>? in
                    if Task.isCancelled { return .success([]) }
                    if let result = state.read(id, limit: limit) { return result }
                    state.readers[id]?.waiter = (limit, continuation)
                    return nil
                }
                if let result { continuation.resume(returning: result) }
            }
        } onCancel: {
            let waiter = bus.change { state in
                defer { state.readers[id]?.waiter = nil }
                return state.readers[id]?.waiter?.continuation
            }
            waiter?.resume(returning: .success([]))
        }
        return try result.get()
    }

    func close() async {
        bus.change { state in state.readers[id]?.isClosed = true }
    }
}
