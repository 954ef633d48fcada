import Foundation
import GRDB
import MillraceCore
import MillracePorts

/// One transaction of the writer, while it is open: several jobs' records go into one batch a partition.
struct Transaction {
    struct TopicRow {
        var id: Int64
        /// The partitions' ids by number.
        var partitions: [Int64]
    }

    let db: Database
    /// On the wall clock.
    let now: Timestamp
    /// On the clock that leases are on.
    let uptime: Timestamp
    /// The wake words of the topics whose readers have something to look at.
    private(set) var raised: Set<Int> = []
    private(set) var bytesWritten = 0
    private var topics: [String: TopicRow] = [:]
    private var batches: [Int64: RecordBatch] = [:]
    private var ends: [Int64: Int64] = [:]

    init(db: Database, now: Timestamp, uptime: Timestamp) {
        self.db = db
        self.now = now
        self.uptime = uptime
    }

    mutating func raise(topicID: Int64) { raised.insert(Int(topicID)) }

    // MARK: Records

    mutating func append(_ records: [OutgoingRecord]) throws -> [RecordPosition] {
        // All are checked before one is taken: a job is done as a whole or not at all.
        for record in records {
            guard record.partition >= 0, record.partition < (try topic(record.topic)).partitions.count else {
                throw BusError(.unknownPartition, "publishing to \(record.topic)/\(record.partition)")
            }
        }
        var positions: [RecordPosition] = []
        positions.reserveCapacity(records.count)
        for record in records {
            let topic = try topic(record.topic)
            let partition = topic.partitions[record.partition]
            let end = try ends[partition] ?? endOffset(of: partition)
            batches[partition, default: RecordBatch()].append(record)
            ends[partition] = end + 1
            raise(topicID: topic.id)
            positions.append(RecordPosition(topic: record.topic, partition: record.partition, offset: end))
        }
        return positions
    }

    /// Writes what was appended.
    mutating func flush() throws {
        guard !batches.isEmpty else { return }
        let insert = try db.cachedStatement(
            sql: "INSERT INTO batches (id, count, published_at, records) VALUES (?, ?, ?, ?)")
        let update = try db.cachedStatement(sql: "UPDATE partitions SET end_offset = ? WHERE id = ?")
        for (partition, batch) in batches {
            guard let end = ends[partition] else { continue }
            let id = BusSchema.batchID(partition: partition, offset: end - Int64(batch.count))
            insert.setUncheckedArguments([id, batch.count, now.microseconds, Data(batch.bytes)])
            try insert.execute()
            update.setUncheckedArguments([end, partition])
            try update.execute()
            bytesWritten += batch.bytes.count
        }
        batches = [:]
    }

    // MARK: Topics

    mutating func topic(_ name: String) throws -> TopicRow {
        if let known = topics[name] { return known }
        let statement = try db.cachedStatement(
            sql: """
                SELECT topics.id, partitions.id FROM topics JOIN partitions ON topic_id = topics.id
                WHERE name = ? ORDER BY number
                """)
        var row: TopicRow?
        let cursor = try Row.fetchCursor(statement, arguments: [name])
        while let found = try cursor.next() {
            if row == nil { row = TopicRow(id: found[0], partitions: []) }
            row?.partitions.append(found[1])
        }
        guard let row else { throw BusError(.unknownTopic, "looking for the topic ‘\(name)’") }
        topics[name] = row
        return row
    }

    mutating func createTopic(_ name: String, partitions: Int, retention: Duration) throws {
        try db.execute(
            sql:
                "INSERT INTO topics (name, retention) VALUES (?, ?) ON CONFLICT DO UPDATE SET retention = excluded.retention",
            arguments: [name, retention.microseconds])
        guard let id = try Int64.fetchOne(db, sql: "SELECT id FROM topics WHERE name = ?", arguments: [name]) else {
            return
        }
        try grow(topicID: id, name: name, to: max(1, partitions))
    }

    mutating func grow(topicID: Int64, name: String, to partitions: Int) throws {
        let count =
            try Int.fetchOne(db, sql: "SELECT count(*) FROM partitions WHERE topic_id = ?", arguments: [topicID]) ?? 0
        guard partitions > count else { return }
        for number in count..<partitions {
            try db.execute(
                sql: "INSERT INTO partitions (topic_id, number) VALUES (?, ?)", arguments: [topicID, number])
        }
        topics[name] = nil
        for group in try Int64.fetchAll(db, sql: "SELECT id FROM groups WHERE topic_id = ?", arguments: [topicID]) {
            try changeGroup(group) { group, now in group.grow(to: partitions, now: now) }
        }
        raise(topicID: topicID)
    }

    private func endOffset(of partition: Int64) throws -> Int64 {
        let statement = try db.cachedStatement(sql: "SELECT end_offset FROM partitions WHERE id = ?")
        return try Int64.fetchOne(statement, arguments: [partition]) ?? 0
    }
}
