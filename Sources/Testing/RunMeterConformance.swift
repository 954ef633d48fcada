import MillraceCore
public import MillracePorts

/// What every ``RunMeter`` promises.
public enum RunMeterConformance {
    public static let promises: [Promise<any RunMeter>] = [
        Promise("a run consumes no less than nothing") { meter in
            let totals = meter.end(meter.begin(), children: nil)
            try expect((totals.cpu ?? .zero) >= .zero, "CPU \(String(describing: totals.cpu))")
            try expect((totals.diskRead ?? 0) >= 0, "read \(String(describing: totals.diskRead))")
            try expect((totals.diskWritten ?? 0) >= 0, "written \(String(describing: totals.diskWritten))")
        },
        Promise("work is counted, and a longer run holds a shorter one within it") { meter in
            let outer = meter.begin()
            let inner = meter.begin()
            var sum: UInt64 = 0
            for number in 0..<2_000_000 as Range<UInt64> { sum = sum &* 31 &+ number }
            let short = meter.end(inner, children: nil)
            let long = meter.end(outer, children: nil)
            guard let short = short.cpu, let long = long.cpu else { return }
            try expect(long >= short, "the outer run has \(long), the inner \(short) (\(sum))")
        },
        Promise("the peak of a run's processes is the run's") { meter in
            let totals = meter.end(
                meter.begin(), children: .init(cpu: .zero, peakRAM: 1 << 50, diskRead: 0, diskWritten: 0))
            try expect(totals.peakRAM.map { $0 == 1 << 50 } ?? true, "peak \(String(describing: totals.peakRAM))")
        },
        Promise("a run's time does not run backwards") { meter in
            let running = meter.end(meter.begin(), children: nil).running
            try expect((running ?? .zero) >= .zero, "running \(String(describing: running))")
        },
    ]
}
