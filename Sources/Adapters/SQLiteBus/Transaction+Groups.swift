import GRDB
import MillraceCore
import MillracePorts
import Platform

extension Transaction {
    struct Joined: Sendable {
        var groupID: Int64
        var topicID: Int64
        var memberID: Int64
    }

    mutating func join(_ membership: Membership, process: ProcessIdentity) throws -> Joined {
        let topic = try topic(membership.topic)
        try db.execute(
            sql: "INSERT INTO groups (topic_id, name, exclusive) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            arguments: [topic.id, membership.group, membership.sharing == .exclusive])
        let found = try Row.fetchOne(
            db, sql: "SELECT id, exclusive FROM groups WHERE topic_id = ? AND name = ?",
            arguments: [topic.id, membership.group])
        guard let found else { throw BusError(.corrupt, "joining the group \(membership.group)") }
        let groupID: Int64 = found[0]
        let isExclusive: Bool = found[1]
        guard isExclusive == (membership.sharing == .exclusive) else {
            throw BusError(
                .unsupported, "joining the group \(membership.group)",
                cause: "the group is \(isExclusive ? "exclusive" : "shared")")
        }
        let leaseEnd = uptime + membership.lease
        try db.execute(
            sql: "INSERT INTO members (group_id, name, pid, start_ticks, lease_end) VALUES (?, ?, ?, ?, ?)",
            arguments: [groupID, membership.name, process.pid, process.startTicks, leaseEnd.microseconds])
        let memberID = db.lastInsertedRowID
        let dead = try db.deadMembers(ofGroup: groupID)
        // The row that was just inserted is not a member yet for the group's own rules: it joins here.
        try changeGroup(groupID, hiding: memberID) { group, now in
            group.grow(to: topic.partitions.count, now: now)
            group.expire(dead: dead, releaseTimeout: membership.releaseTimeout, now: now)
            group.join(.init(id: memberID, name: membership.name, leaseEnd: leaseEnd), now: now)
        }
        return Joined(groupID: groupID, topicID: topic.id, memberID: memberID)
    }

    /// Changes a group's value and writes what is different; its members wake if anything is.
    mutating func changeGroup(
        _ id: Int64, hiding hidden: Int64? = nil, _ change: (inout ConsumerGroup, Timestamp) throws -> Void
    ) throws {
        var (group, topicID) = try loadGroup(id)
        if let hidden { group = group.without(hidden) }
        let before = group
        try change(&group, uptime)
        guard group != before else { return }
        for member in before.members where !group.contains(member.id) {
            try db.execute(sql: "DELETE FROM members WHERE id = ?", arguments: [member.id])
        }
        let write = try db.cachedStatement(
            sql: """
                INSERT INTO holdings (group_id, partition, owner, target, release_asked_at) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET owner = excluded.owner, target = excluded.target,
                    release_asked_at = excluded.release_asked_at
                """)
        for (partition, holding) in group.holdings.enumerated() {
            if partition < before.holdings.count, before.holdings[partition] == holding { continue }
            write.setUncheckedArguments([
                id, partition, holding.owner, holding.target, holding.releaseAskedAt?.microseconds,
            ])
            try write.execute()
        }
        try db.execute(sql: "UPDATE groups SET generation = generation + 1 WHERE id = ?", arguments: [id])
        raise(topicID: topicID)
    }

    private func loadGroup(_ id: Int64) throws -> (ConsumerGroup, topicID: Int64) {
        guard
            let row = try Row.fetchOne(db, sql: "SELECT topic_id, exclusive FROM groups WHERE id = ?", arguments: [id])
        else { throw BusError(.fenced, "reading a group that is gone") }
        return (try ConsumerGroup.fetch(db, id: id, isExclusive: row[1]), row[0])
    }

    /// Saves offsets of partitions that are the member's.
    mutating func commit(_ offsets: [Int: Int64], group: Int64, member: Int64) throws {
        let check = try db.cachedStatement(sql: "SELECT owner FROM holdings WHERE group_id = ? AND partition = ?")
        for partition in offsets.keys {
            guard try Int64.fetchOne(check, arguments: [group, partition]) == member else {
                throw BusError(.fenced, "committing partition \(partition)", cause: "it is no longer this member's")
            }
        }
        let update = try db.cachedStatement(
            sql: "UPDATE holdings SET committed = ? WHERE group_id = ? AND partition = ?")
        for (partition, offset) in offsets {
            update.setUncheckedArguments([offset, group, partition])
            try update.execute()
        }
    }

    /// - Returns: false when the member is gone.
    func renew(member: Int64, lease: Duration) throws -> Bool {
        let statement = try db.cachedStatement(sql: "UPDATE members SET lease_end = ? WHERE id = ?")
        statement.setUncheckedArguments([(uptime + lease).microseconds, member])
        try statement.execute()
        return db.changesCount > 0
    }
}

extension Database {
    /// Members whose process has ended.
    func deadMembers(ofGroup id: Int64) throws -> Set<Int64> {
        let statement = try cachedStatement(sql: "SELECT id, pid, start_ticks FROM members WHERE group_id = ?")
        let own = ProcessIdentity.current
        return Set(
            try Row.fetchAll(statement, arguments: [id]).compactMap { row -> Int64? in
                let process = ProcessIdentity(pid: row[1], startTicks: row[2])
                return process == own || process.isAlive ? nil : row[0]
            })
    }
}

extension ConsumerGroup {
    static func fetch(_ db: Database, id: Int64, isExclusive: Bool) throws -> ConsumerGroup {
        let members = try Row.fetchAll(
            db, sql: "SELECT id, name, lease_end FROM members WHERE group_id = ? ORDER BY id", arguments: [id]
        ).map { Member(id: $0[0], name: $0[1], leaseEnd: Timestamp(microseconds: $0[2])) }
        let holdings = try Row.fetchAll(
            db,
            sql: "SELECT owner, target, release_asked_at FROM holdings WHERE group_id = ? ORDER BY partition",
            arguments: [id]
        ).map { row in
            Holding(
                owner: row[0], target: row[1],
                releaseAskedAt: (row[2] as Int64?).map { Timestamp(microseconds: $0) })
        }
        return ConsumerGroup(isExclusive: isExclusive, members: members, holdings: holdings)
    }

    func without(_ member: MemberID) -> ConsumerGroup {
        ConsumerGroup(
            isExclusive: isExclusive, members: members.filter { $0.id != member }, holdings: holdings)
    }
}
