import Glibc
public import MillraceCore
public import MillracePorts
import Platform

/// Meters runs in this process: CPU from the process's clock, which counts nanoseconds where `/proc` counts ticks of
/// 10 ms, and from what reaped children have used; bytes that reached the disk layer from `/proc/self/io`, where reaped
/// children's are already; peak RAM from the kernel's high-water mark, which is set back at the start of each run.
public struct ProcessMeter: RunMeter {
    public let target: MeteringTarget

    public init(node: String) {
        let own = ProcessIdentity.current
        target = MeteringTarget(node: node, kind: .process(pid: own.pid, startTicks: own.startTicks))
    }

    public func begin() -> RunReading {
        OwnFiles.shared.resetPeak()
        let disk = OwnFiles.shared.disk()
        let own = Self.ownCPU()
        let children = ChildrenCPU()
        return RunReading(
            atStart: UsageReading(
                UsageCounters(
                    cpu: sum(own, children?.inTicks), diskRead: disk?.read, diskWritten: disk?.written),
                uptime: SystemClock.monotonicMicroseconds),
            cpu: sum(own, children?.exact))
    }

    /// - Parameter children: the run's processes that have ended; all but their peak is in this process's counters.
    public func end(_ reading: RunReading, children: RunTotals?) -> RunTotals {
        let disk = OwnFiles.shared.disk()
        let before = reading.atStart.counters
        let running = Duration.microseconds(SystemClock.monotonicMicroseconds - reading.atStart.uptime)
        // The mark costs 6 µs, as much as all else together; in so short a time what there was at its end is not far
        // from it.
        let own = running < Self.brief ? OwnFiles.shared.residentRAM() : OwnFiles.shared.peakRAM()
        let peaks = [own, children?.peakRAM].compactMap(\.self)
        return RunTotals(
            cpu: difference(sum(Self.ownCPU(), ChildrenCPU()?.exact), reading.cpu),
            peakRAM: peaks.max(), diskRead: difference(disk?.read, before.diskRead),
            diskWritten: difference(disk?.written, before.diskWritten),
            running: running)
    }

    private static let brief: Duration = .milliseconds(1)

    private func sum(_ a: Duration?, _ b: Duration?) -> Duration? {
        guard let a, let b else { return nil }
        return a + b
    }

    private func difference<Value: AdditiveArithmetic>(_ end: Value?, _ start: Value?) -> Value? {
        guard let end, let start else { return nil }
        return end - start
    }

    private static func ownCPU() -> Duration? {
        var time = timespec()
        guard clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 else { return nil }
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}

/// Meters runs that are processes of their own, started by this one: what this process does beside them, such as
/// writing to the bus, is not theirs.
public struct CommandMeter: RunMeter {
    public let target: MeteringTarget

    public init(node: String) {
        let own = ProcessIdentity.current
        target = MeteringTarget(node: node, kind: .children(ofPID: own.pid, startTicks: own.startTicks))
    }

    public func begin() -> RunReading {
        RunReading(
            atStart: UsageReading(
                UsageCounters(cpu: ChildrenCPU()?.inTicks, diskRead: 0, diskWritten: 0),
                uptime: SystemClock.monotonicMicroseconds))
    }

    /// - Parameter children: what `wait4` and `/proc` told of them; nil where none was started.
    public func end(_ reading: RunReading, children: RunTotals?) -> RunTotals {
        var totals = children ?? RunTotals(cpu: .zero, diskRead: 0, diskWritten: 0)
        totals.running = .microseconds(SystemClock.monotonicMicroseconds - reading.atStart.uptime)
        return totals
    }
}

/// CPU time of reaped children: to the microsecond, and as `/proc/PID/stat` tells it to others, who count on from there.
private struct ChildrenCPU {
    var exact: Duration
    var inTicks: Duration

    init?() {
        var usage = rusage()
        guard getrusage(RUSAGE_CHILDREN.rawValue, &usage) == 0 else { return nil }
        let user = usage.ru_utime.inMicroseconds
        let system = usage.ru_stime.inMicroseconds
        let tick = 1_000_000 / SystemClock.ticksPerSecond
        exact = .microseconds(user + system)
        inTicks = .microseconds(user / tick * tick + system / tick * tick)
    }
}

extension timeval {
    fileprivate var inMicroseconds: Int64 { Int64(tv_sec) * 1_000_000 + Int64(tv_usec) }
}
