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

    private static func disk() -> (read: Int, written: Int)? { OwnIO.shared?.read() }
}

/// `/proc/self/io`, kept open: opening it anew would cost a quick step more than its work.
private final class OwnIO: Sendable {
    static let shared = OwnIO()

    private let file: CInt

    private init?() {
        guard let file = try? Files.open("/proc/self/io", O_RDONLY) else { return nil }
        self.file = file
    }

    /// `read_bytes` and `write_bytes`: what reached the disk layer, in bytes.
    func read() -> (read: Int, written: Int)? {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 512) { buffer in
            let count = pread(file, buffer.baseAddress, buffer.count, 0)
            guard count > 0 else { return nil }
            let text = UnsafeBufferPointer(rebasing: buffer[..<count])
            guard let read = Self.value(of: "\nread_bytes: ", in: text),
                let written = Self.value(of: "\nwrite_bytes: ", in: text)
            else { return nil }
            return (read, written)
        }
    }

    private static func value(of label: StaticString, in text: UnsafeBufferPointer<UInt8>) -> Int? {
        let label = UnsafeBufferPointer(start: label.utf8Start, count: label.utf8CodeUnitCount)
        guard text.count > label.count else { return nil }
        guard
            let start = (0..<text.count - label.count).first(where: { start in
                label.indices.allSatisfy { text[start + $0] == label[$0] }
            })
        else { return nil }
        let digits = text[(start + label.count)...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard !digits.isEmpty else { return nil }
        return digits.reduce(0) { $0 &* 10 &+ Int($1 - UInt8(ascii: "0")) }
    }
}
