import Glibc
import MillraceCore
import MillracePorts
import Platform

/// One process, and its files in `/proc`. They tell ESRCH when it has ended, even when its id is used again.
final class WatchedProcess {
    struct Look {
        var reading: ProcessTree.Reading
        /// Ended, and not yet reaped: its counters are there still.
        var isZombie: Bool
    }

    let pid: Int
    private let startTicks: Int
    private let stat: KernelFile
    private let io: KernelFile
    private let clock: clockid_t?

    init(pid: Int, startTicks: Int, in folder: ProcFolder, _ budget: DescriptorBudget) {
        self.pid = pid
        self.startTicks = startTicks
        stat = folder.file("stat", of: pid, budget)
        io = folder.file("io", of: pid, budget)
        // As clock_getcpuclockid(3) makes it: for the whole process.
        clock = folder.hasClocks ? ~clockid_t(truncatingIfNeeded: pid) << 3 | 2 : nil
    }

    /// What it has counted, or why that cannot be known.
    func read(_ scratch: Scratch) -> Result<Look, UsageSourceError> {
        // The clock goes by the id, and so do files that are opened anew. If the process is there at the end, its id
        // was its own all the time.
        let clocked = clock.flatMap(Self.time)
        var bytes: ProcessIO?
        if case .success(let text) = io.read(scratch) { bytes = ProcessIO(text) }
        let stat: ProcessStat
        switch self.stat.read(scratch) {
        case .failure(let error): return .failure(explain(error))
        case .success(let text):
            guard let parsed = ProcessStat(text) else {
                return .failure(UsageSourceError(.unavailable, "\(self.stat.path) has a form that is not known"))
            }
            stat = parsed
        }
        guard startTicks == stat.startTicks else { return .failure(another) }
        let reading = ProcessTree.Reading(
            parent: stat.parent, cpu: clock == nil ? Self.time(inTicks: stat.ownTicks) : clocked,
            reapedTicks: stat.reapedTicks, ram: Self.resident(stat), io: bytes)
        return .success(Look(reading: reading, isZombie: stat.isZombie))
    }

    private static func time(_ clock: clockid_t) -> Int64? {
        var time = timespec()
        guard clock_gettime(clock, &time) == 0 else { return nil }
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    private static func time(inTicks ticks: Int) -> Int64? {
        let (time, overflow) = Int64(ticks).multipliedReportingOverflow(by: 1_000_000_000 / SystemClock.ticksPerSecond)
        return overflow ? nil : time
    }

    /// Of a process without its first thread the kernel tells no memory, which is not none.
    private static func resident(_ stat: ProcessStat) -> Int? {
        guard !stat.hasNoLeader || stat.isZombie else { return nil }
        let (bytes, overflow) = stat.residentPages.multipliedReportingOverflow(by: OwnMemory.pageSize)
        return overflow ? nil : bytes
    }

    // MARK: Reasons

    private func explain(_ error: SystemError) -> UsageSourceError {
        switch error.code {
        case ESRCH: UsageSourceError(.gone, "process \(pid) has ended")
        case ENOENT, ENOTDIR:
            UsageSourceError(
                .gone,
                "process \(pid) is not here: it has ended, or it is one of another pid namespace or another machine")
        case EACCES, EPERM: UsageSourceError(.denied, "process \(pid) must not be looked at: \(error)")
        default: UsageSourceError(.unavailable, "process \(pid) cannot be read: \(error)")
        }
    }

    private var another: UsageSourceError {
        UsageSourceError(
            .gone,
            """
            process \(pid) is another one than is meant: that one has ended and its number is used again, or it is one \
            of another pid namespace or another machine
            """)
    }

    var zombie: UsageSourceError {
        UsageSourceError(.gone, "process \(pid) has ended; its parent has not taken note of that yet")
    }
}
