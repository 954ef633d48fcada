import GRDB
import MillraceCore
import MillracePorts
import Platform
import Synchronization

/// The thread of a handle that keeps its members alive, finds out dead ones of their groups, and cleans up.
final class BusHousekeeper: Sendable {
    struct Entry: Sendable {
        var group: Int64
        var lease: Duration
        var releaseTimeout: Duration
        var renewedAt: Int64
    }

    private struct State {
        var members: [Int64: Entry] = [:]
        var bytesSinceCheckpoint = 0
        var isClosed = false
    }

    private let file: BusFile
    private let writer: BusWriter
    private let state = Mutex(State())
    private let signal = Signal()

    /// How often dead members are looked for: half of what `promptDeath` promises.
    static let tick: Duration = .milliseconds(500)
    /// The log is written back to the file when a handle has added so much.
    static let checkpointBytes = 4 << 20
    static let cleaningInterval: Int64 = 10_000_000

    init(file: BusFile, writer: BusWriter) {
        self.file = file
        self.writer = writer
    }

    func start() { NamedThread.start("bus-keeper") { self.run() } }

    func add(_ member: Int64, _ membership: Membership, group: Int64) {
        let entry = Entry(
            group: group, lease: membership.lease, releaseTimeout: membership.releaseTimeout,
            renewedAt: SystemClock.monotonicMicroseconds)
        state.withLock { $0.members[member] = entry }
        signal.raise()
    }

    func remove(_ member: Int64) { state.withLock { $0.members[member] = nil } }

    func noteWritten(_ bytes: Int) {
        let isDue = state.withLock { state in
            state.bytesSinceCheckpoint += bytes
            return state.bytesSinceCheckpoint >= Self.checkpointBytes
        }
        if isDue { signal.raise() }
    }

    func close() {
        state.withLock { $0.isClosed = true }
        signal.raise()
    }

    private func run() {
        var lastCleaning: Int64 = 0
        // Opened when there is something to do: most handles never clean.
        var connection: DatabaseQueue?
        var lookout: DatabaseQueue?
        while !state.withLock({ $0.isClosed }) {
            let seen = signal.count
            let now = SystemClock.monotonicMicroseconds
            // What fails here is done at the next tick; a bus that stays unavailable is told to those who use it.
            if lookout == nil, state.withLock({ !$0.members.isEmpty }) { lookout = try? file.openReader() }
            try? keepMembers(now, lookout)
            if state.withLock({ $0.bytesSinceCheckpoint >= Self.checkpointBytes }) {
                if connection == nil { connection = try? file.openCheckpointer() }
                if let connection { checkpoint(connection) }
            }
            if now - lastCleaning >= Self.cleaningInterval {
                lastCleaning = now
                if file.cleaningLock.tryLock() {
                    defer { file.cleaningLock.unlock() }
                    try? writer.runBlocking { transaction in try transaction.deleteConsumed() }
                }
            }
            let shortest = state.withLock { $0.members.values.map(\.lease).min() }
            signal.wait(past: seen, atMost: shortest.map { min(Self.tick, $0 / 3) } ?? .seconds(10))
        }
    }

    private func keepMembers(_ now: Int64, _ lookout: DatabaseQueue?) throws(BusError) {
        let (due, groups) = state.withLock { state -> ([Int64: Entry], [Int64: Duration]) in
            let due = state.members.filter { now - $0.value.renewedAt >= $0.value.lease.microseconds / 3 }
            let groups = Dictionary(state.members.values.map { ($0.group, $0.releaseTimeout) }) { min($0, $1) }
            return (due, groups)
        }
        if !due.isEmpty {
            try writer.runBlocking { transaction in
                for (member, entry) in due { _ = try transaction.renew(member: member, lease: entry.lease) }
            }
            state.withLock { state in
                for member in due.keys { state.members[member]?.renewedAt = now }
            }
        }
        guard let lookout, !groups.isEmpty else { return }
        let uptime = Timestamp(microseconds: now)
        let expired = try mapErrors("looking for dead members") {
            try lookout.inDatabase { db in
                try groups.filter { try db.mustExpire($0.key, releaseTimeout: $0.value, uptime) }
            }
        }
        guard !expired.isEmpty else { return }
        try writer.runBlocking { transaction in
            for (group, timeout) in expired {
                let dead = try transaction.db.deadMembers(ofGroup: group)
                try transaction.changeGroup(group) { group, now in
                    group.expire(dead: dead, releaseTimeout: timeout, now: now)
                }
            }
        }
    }

    /// Writes the log back beside the senders first, and what they added meanwhile under their lock: then the log
    /// starts anew and does not grow without bound.
    private func checkpoint(_ connection: DatabaseQueue) {
        state.withLock { $0.bytesSinceCheckpoint = 0 }
        try? connection.inDatabase { db in
            _ = try db.checkpoint(.passive)
            try file.checkpointLock.lock()
            defer { file.checkpointLock.unlock() }
            _ = try db.checkpoint(.passive)
        }
    }
}

extension Database {
    /// Whether a group has a member whose lease or process has ended, or an owner who is late to release.
    fileprivate func mustExpire(_ group: Int64, releaseTimeout: Duration, _ uptime: Timestamp) throws -> Bool {
        let statement = try cachedStatement(
            sql: """
                SELECT EXISTS (SELECT 1 FROM members WHERE group_id = ?1 AND lease_end <= ?2)
                    OR EXISTS (SELECT 1 FROM holdings WHERE group_id = ?1 AND release_asked_at <= ?3)
                """)
        let isLate = try Bool.fetchOne(
            statement,
            arguments: [group, uptime.microseconds, uptime.microseconds - releaseTimeout.microseconds])
        return try isLate == true || !deadMembers(ofGroup: group).isEmpty
    }
}
