import DequeModule
import MillracePorts
import Platform

/// A member's commits: one request is under way at a time, what comes meanwhile goes together in the next, and one that
/// did not pass is sent again before any later one. So a group's offset never goes back.
struct CommitQueue {
    struct Job: Sendable {
        var offsets: [Int: Int64]
        var deadline: ContinuousClock.Instant
        var reply: Reply<Bool, BusError>
    }

    private var waiting: Deque<Job> = []
    private var underWay: [Job] = []
    /// Not before then is anything sent again.
    private(set) var retryAt: ContinuousClock.Instant?

    var isUnderWay: Bool { !underWay.isEmpty }
    var isEmpty: Bool { waiting.isEmpty && underWay.isEmpty }

    mutating func append(_ job: Job) { waiting.append(job) }

    /// What to send now, if anything.
    /// - Returns: the offsets, and the jobs that ended without being sent.
    mutating func send(
        owned: Set<Int>, now: ContinuousClock.Instant
    ) -> (offsets: [Int: Int64], refused: [Job]) {
        guard underWay.isEmpty, retryAt.map({ $0 <= now }) ?? true else { return ([:], []) }
        retryAt = nil
        var refused: [Job] = []
        var offsets: [Int: Int64] = [:]
        while let job = waiting.popFirst() {
            if owned.isSuperset(of: job.offsets.keys) {
                offsets.merge(job.offsets) { _, new in new }
                underWay.append(job)
            } else {
                refused.append(job)
            }
        }
        return (offsets, refused)
    }

    /// The answer has come, and is the end of what was under way.
    mutating func answered() -> [Job] {
        defer { underWay = [] }
        return underWay
    }

    /// The answer says: not now. It is sent again, unless its time is over.
    /// - Returns: the jobs whose time is over.
    mutating func refusedForNow(now: ContinuousClock.Instant, pause: Duration) -> [Job] {
        let late = underWay.filter { $0.deadline <= now }
        for job in underWay.reversed() where job.deadline > now { waiting.prepend(job) }
        underWay = []
        retryAt = now + pause
        return late
    }

    /// The group has settled: what waits may be tried at once.
    mutating func hurry() { retryAt = nil }

    mutating func removeAll() -> [Job] {
        defer { self = CommitQueue() }
        return underWay + Array(waiting)
    }
}
