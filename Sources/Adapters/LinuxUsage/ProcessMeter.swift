import Glibc
public import MillraceCore
public import MillracePorts
import Platform

/// Meters runs in this process: CPU from the process's clock, which counts nanoseconds where `/proc` counts ticks of
/// 10 ms; bytes that reached the disk layer from `/proc/self/io`; peak RAM from `VmHWM`.
public struct ProcessMeter: RunMeter {
    public let target: MeteringTarget

    public init(node: String) {
        let own = ProcessIdentity.current
        target = MeteringTarget(node: node, kind: .process(pid: own.pid, startTicks: own.startTicks))
    }

    public func begin() -> RunReading {
        let disk = Self.disk()
        return RunReading(cpu: Self.cpu(), diskRead: disk?.read, diskWritten: disk?.written)
    }

    public func end(_ reading: RunReading, children: RunTotals?) -> RunTotals {
        let disk = Self.disk()
        return RunTotals(
            cpu: difference(Self.cpu(), reading.cpu).map { $0 + (children?.cpu ?? .zero) },
            peakRAM: Self.peakRAM().map { max($0, children?.peakRAM ?? 0) },
            diskRead: difference(disk?.read, reading.diskRead).map { $0 + (children?.diskRead ?? 0) },
            diskWritten: difference(disk?.written, reading.diskWritten).map { $0 + (children?.diskWritten ?? 0) })
    }

    private func difference<Value: AdditiveArithmetic>(_ end: Value?, _ start: Value?) -> Value? {
        guard let end, let start else { return nil }
        return end - start
    }

    private static func cpu() -> Duration? {
        var time = timespec()
        guard clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 else { return nil }
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    /// In bytes; the kernel counts KiB.
    private static func peakRAM() -> Int? {
        var usage = rusage()
        guard getrusage(RUSAGE_SELF.rawValue, &usage) == 0 else { return nil }
        return usage.ru_maxrss * 1024
    }

    private static func disk() -> (read: Int, written: Int)? {
        guard let bytes = try? Files.read("/proc/self/io") else { return nil }
        var read: Int?
        var written: Int?
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            if line.hasPrefix("read_bytes: ") { read = Int(line.dropFirst(12)) }
            if line.hasPrefix("write_bytes: ") { written = Int(line.dropFirst(13)) }
        }
        guard let read, let written else { return nil }
        return (read, written)
    }
}
