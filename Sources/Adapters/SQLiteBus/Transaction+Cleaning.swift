import GRDB
import MillraceCore
import MillracePorts
import Platform

extension Transaction {
    /// Where a member begins in partitions that have come to it: where the group has committed, or at the oldest
    /// record.
    func startOffsets(_ partitions: Set<Int>, group: Joined) throws -> [Int: Int64] {
        let bounds = try PartitionReader.bounds(db, topicID: group.topicID)
        let statement = try db.cachedStatement(
            sql: "SELECT committed FROM holdings WHERE group_id = ? AND partition = ?")
        var offsets: [Int: Int64] = [:]
        for partition in partitions {
            let committed = try Int64.fetchOne(statement, arguments: [group.groupID, partition])
            offsets[partition] = max(committed ?? 0, bounds[partition]?.begin ?? 0)
        }
        return offsets
    }

    /// Deletes batches that every group of their topic has read, once the topic's retention is over; where a topic has
    /// no group, age alone counts.
    mutating func deleteConsumed() throws {
        let partitions = try Row.fetchAll(
            db,
            sql: """
                SELECT partitions.id, end_offset, retention,
                    (SELECT min(coalesce(committed, 0)) FROM groups LEFT JOIN holdings
                        ON group_id = groups.id AND partition = number
                        WHERE groups.topic_id = topics.id) AS consumed
                FROM partitions JOIN topics ON topics.id = topic_id WHERE end_offset > begin_offset
                """)
        for row in partitions {
            let id: Int64 = row[0]
            let consumed: Int64 = row[3] ?? row[1]
            let lowest = BusSchema.batchID(partition: id, offset: 0)
            try db.execute(
                sql: "DELETE FROM batches WHERE id >= ? AND id + count <= ? AND id < ? AND published_at < ?",
                arguments: [
                    lowest, lowest + consumed, lowest + consumed, now.microseconds - (row[2] as Int64),
                ])
            guard db.changesCount > 0 else { continue }
            let oldest = try Int64.fetchOne(
                db, sql: "SELECT min(id) FROM batches WHERE id >= ? AND id < ?",
                arguments: [lowest, BusSchema.batchID(partition: id + 1, offset: 0)])
            try db.execute(
                sql: "UPDATE partitions SET begin_offset = ? WHERE id = ?",
                arguments: [oldest.map { $0 - lowest } ?? (row[1] as Int64), id])
        }
    }
}
