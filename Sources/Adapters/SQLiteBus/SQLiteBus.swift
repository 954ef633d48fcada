import GRDB
import MillraceCore
public import MillracePorts
import Platform
import Synchronization

/// A message bus in one SQLite file, shared by any number of processes of one machine.
///
/// Every process opens the file by itself: there is no server. See `Documentation/Bus.md` for how it works.
public final class SQLiteBus: MessageBus {
    private let file: BusFile
    private let writer: BusWriter
    private let keeper: BusHousekeeper
    private let queries: DatabaseQueue
    private let process = ProcessIdentity.current

    /// The largest value of a record, in bytes, as Kafka's default.
    public static let maximumValueSize = 1 << 20

    public let capabilities: BusCapabilities = [.growth, .promptDeath, .consumedRetention]

    /// Opens the bus in a file, which is made if it is not there; its folder must be.
    /// - Throws: `unavailable` when the file cannot be opened, `corrupt` when it is no bus or a later version's.
    public init(path: String) throws(BusError) {
        file = try BusFile(path: path)
        let database = try file.openWriter()
        queries = try file.openReader()
        let written = WrittenBytes()
        writer = BusWriter(file: file, database: database) { written.report($0) }
        keeper = BusHousekeeper(file: file, writer: writer)
        written.connect(keeper)
        keeper.start()
    }

    public func createTopic(_ name: String, partitions: Int, retention: Duration) async throws(BusError) {
        try await writer.run(durable: true) { transaction in
            try transaction.createTopic(name, partitions: partitions, retention: retention)
        }
    }

    public func growTopic(_ name: String, to partitions: Int) async throws(BusError) {
        try await writer.run(durable: true) { transaction in
            let topic = try transaction.topic(name)
            try transaction.grow(topicID: topic.id, name: name, to: partitions)
        }
    }

    public func topics() async throws(BusError) -> [TopicDescription] {
        try await query("listing topics") { db in
            try Row.fetchAll(db, sql: "SELECT id, name FROM topics ORDER BY name").map { row in
                try TopicDescription.fetch(db, id: row[0], name: row[1])
            }
        }
    }

    public func describe(topic: String) async throws(BusError) -> TopicDescription {
        try await query("describing the topic \(topic)") { db in
            guard let id = try Int64.fetchOne(db, sql: "SELECT id FROM topics WHERE name = ?", arguments: [topic])
            else {
                throw BusError(.unknownTopic, "describing the topic ‘\(topic)’")
            }
            return try TopicDescription.fetch(db, id: id, name: topic)
        }
    }

    public func describe(group: String, topic: String) async throws(BusError) -> GroupDescription {
        try await query("describing the group \(group)") { db in
            let row = try Row.fetchOne(
                db,
                sql: """
                    SELECT groups.id, exclusive FROM groups JOIN topics ON topics.id = topic_id
                    WHERE groups.name = ? AND topics.name = ?
                    """, arguments: [group, topic])
            guard let row else { return GroupDescription(members: [], committed: [:]) }
            return try GroupDescription.fetch(db, groupID: row[0], isExclusive: row[1])
        }
    }

    public func send(_ records: [OutgoingRecord], urgency: Urgency) async throws(BusError) -> Receipt {
        for record in records where (record.value?.count ?? 0) > Self.maximumValueSize {
            throw BusError(
                .tooLarge, "publishing to \(record.topic)",
                cause: "\(record.value?.count ?? 0) bytes; at most \(Self.maximumValueSize) are taken")
        }
        let reply = Reply<[RecordPosition], BusError>()
        let job = BusWriter.job(durable: true, { try $0.append(records) }) { reply.bring($0) }
        try await writer.submit(job, isUrgent: urgency == .prompt)
        return Receipt {
            do throws(BusError) { return .success(try await reply.value()) } catch { return .failure(error) }
        }
    }

    public func join(_ membership: Membership) async throws(BusError) -> any GroupMember {
        let joined = try await writer.run { [process] transaction in
            try transaction.join(membership, process: process)
        }
        keeper.add(joined.memberID, membership, group: joined.groupID)
        return try SQLiteMember(membership: membership, joined: joined, file: file, writer: writer) { [keeper] in
            keeper.remove($0)
        }
    }

    public func read(topic: String, from offsets: [Int: Int64]) async throws(BusError) -> any TopicReader {
        let (id, bounds) = try await query("reading the topic \(topic)") { db in
            guard let id = try Int64.fetchOne(db, sql: "SELECT id FROM topics WHERE name = ?", arguments: [topic])
            else {
                throw BusError(.unknownTopic, "reading the topic ‘\(topic)’")
            }
            return (id, try PartitionReader.bounds(db, topicID: id))
        }
        for (partition, offset) in offsets {
            guard let bound = bounds[partition] else {
                throw BusError(.unknownPartition, "reading \(topic)/\(partition)")
            }
            guard (bound.begin...bound.end).contains(offset) else {
                throw BusError(
                    .offsetOutOfRange, "reading \(topic)/\(partition)",
                    cause: "\(offset) is not within \(bound.begin)…\(bound.end)")
            }
        }
        return try SQLiteTopicReader(file: file, topic: topic, topicID: id, positions: offsets)
    }

    public func close() async {
        keeper.close()
        await writer.close()
    }

    /// Lets a member's lease run out, as if its process had died or hung: for tests.
    func stopRenewing(_ member: any GroupMember) {
        guard let member = member as? SQLiteMember else { return }
        keeper.remove(member.joined.memberID)
    }

    /// Deletes what may be deleted now, as the housekeeper does from time to time: for tests.
    func clean() async throws(BusError) {
        try await writer.run { transaction in try transaction.deleteConsumed() }
    }

    private func query<Value: Sendable>(
        _ doing: String, _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(BusError) -> Value {
        // GRDB runs it on a queue of its own.
        let result: Result<Value, BusError>
        do {
            result = .success(try await queries.read(body))
        } catch {
            do { result = .failure(try mapErrors(doing) { throw error }) } catch let mapped {
                result = .failure(mapped)
            }
        }
        return try result.get()
    }
}

/// Tells the housekeeper, which is made after the writer, what the writer has written.
private final class WrittenBytes: Sendable {
    private let keeper = Mutex<BusHousekeeper?>(nil)

    func connect(_ keeper: BusHousekeeper) { self.keeper.withLock { $0 = keeper } }
    func report(_ bytes: Int) { keeper.withLock { $0 }?.noteWritten(bytes) }
}

extension TopicDescription {
    static func fetch(_ db: Database, id: Int64, name: String) throws -> TopicDescription {
        let partitions = try PartitionReader.bounds(db, topicID: id).map { number, bounds in
            Partition(number: number, begin: bounds.begin, end: bounds.end)
        }
        return TopicDescription(name: name, partitions: partitions.sorted { $0.number < $1.number })
    }
}

extension GroupDescription {
    static func fetch(_ db: Database, groupID: Int64, isExclusive: Bool) throws -> GroupDescription {
        let group = try ConsumerGroup.fetch(db, id: groupID, isExclusive: isExclusive)
        let dead = try db.deadMembers(ofGroup: groupID)
        let committed = try Row.fetchAll(
            db, sql: "SELECT partition, committed FROM holdings WHERE group_id = ? AND committed IS NOT NULL",
            arguments: [groupID])
        return GroupDescription(
            members: group.members.filter { !dead.contains($0.id) }.map {
                Member(name: $0.name, partitions: group.owned(by: $0.id))
            },
            committed: Dictionary(uniqueKeysWithValues: committed.map { ($0[0], $0[1]) }))
    }
}
