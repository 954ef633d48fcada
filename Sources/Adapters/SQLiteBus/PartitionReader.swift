import Foundation
import GRDB
import MillraceCore
import MillracePorts

/// Reads on in a topic's partitions over a connection of its own.
struct PartitionReader {
    let topic: String
    let database: DatabaseQueue

    struct Bounds {
        var partitionID: Int64
        var begin: Int64
        var end: Int64
    }

    /// The most bytes of batches that one look takes from each partition's tail: with the limit on records, the bound
    /// of what a reader holds in memory.
    static let byteLimit = 1 << 20

    static func bounds(_ db: Database, topicID: Int64) throws -> [Int: Bounds] {
        let statement = try db.cachedStatement(
            sql: "SELECT number, id, begin_offset, end_offset FROM partitions WHERE topic_id = ?")
        var bounds: [Int: Bounds] = [:]
        let cursor = try Row.fetchCursor(statement, arguments: [topicID])
        while let row = try cursor.next() {
            bounds[row[0]] = Bounds(partitionID: row[1], begin: row[2], end: row[3])
        }
        return bounds
    }

    /// Reads from each position on, up to `limit` records and some more to the end of a batch, and moves the positions.
    /// - Parameter first: the partition to begin with, so that a full one does not starve the others.
    func fetch(
        _ db: Database, topicID: Int64, positions: inout [Int: Int64], limit: Int, first: Int
    ) throws -> [BusRecord] {
        let bounds = try Self.bounds(db, topicID: topicID)
        var records: [BusRecord] = []
        let partitions = positions.keys.sorted()
        let start = partitions.firstIndex { $0 >= first } ?? 0
        for partition in partitions[start...] + partitions[..<start] {
            guard let bound = bounds[partition], let position = positions[partition] else { continue }
            // What was deleted in the meantime had been read by every group.
            let from = max(position, bound.begin)
            guard from < bound.end, records.count < limit else { continue }
            positions[partition] = try fetch(
                db, partition: partition, bound: bound, from: from, limit: limit - records.count, into: &records)
        }
        return records
    }

    private func fetch(
        _ db: Database, partition: Int, bound: Bounds, from: Int64, limit: Int, into records: inout [BusRecord]
    ) throws -> Int64 {
        let lowest = BusSchema.batchID(partition: bound.partitionID, offset: 0)
        let statement = try db.cachedStatement(
            sql: """
                SELECT id, count, published_at, records FROM batches
                WHERE id >= coalesce((SELECT max(id) FROM batches WHERE id BETWEEN ?1 AND ?2), ?2) AND id < ?3
                ORDER BY id
                """)
        let cursor = try Row.fetchCursor(
            statement,
            arguments: [
                lowest, lowest + from, BusSchema.batchID(partition: bound.partitionID + 1, offset: 0),
            ])
        var next = from
        var taken = 0
        var bytes = 0
        while taken < limit, bytes < Self.byteLimit, let row = try cursor.next() {
            let base = (row[0] as Int64) - lowest
            let count: Int = row[1]
            guard base + Int64(count) > from else { continue }
            let decoded = try row.withUnsafeData(atIndex: 3) { data in
                bytes += data?.count ?? 0
                return try (data ?? .init()).withUnsafeBytes {
                    try RecordBatch.decode(
                        $0, count: count, topic: topic, partition: partition, base: base,
                        publishedAt: Timestamp(microseconds: row[2]))
                }
            }
            records.append(contentsOf: base < from ? decoded.dropFirst(Int(from - base)) : decoded[...])
            taken += decoded.count
            next = base + Int64(count)
        }
        // No batch where there should be one: the gap is passed over rather than looked at for ever.
        return taken == 0 ? bound.end : next
    }
}
