/// One run under way: what was counted when it was last looked at.
///
/// An interval is held back for a while, since the run may have ended before it was over: then the HALT, which comes a
/// moment later, puts an interval that ends with the run in its place.
struct MeteredRun: Sendable {
    private struct Interval: Sendable {
        var before: UsageReading
        var after: UsageReading
    }

    let start: ResourceMessage.RunStart
    let place: RecordPlace
    /// In microseconds since boot.
    let startUptime: Int64
    /// The target as it is to be read.
    let watched: MeteringTarget
    var hasFailed = false
    /// Since when its target is not there any more, in microseconds since boot.
    var goneSince: Int64?
    /// What the open interval began with; nil where that is not known.
    private var last: UsageReading?
    /// Those that were not given out yet, oldest first.
    private var held: [Interval] = []
    private var hasIntervals = false
    private var missedBeginning = false
    private var peakRAM: Int?
    /// An interval at a run's start or end that is shorter than this, in microseconds, is joined to its neighbour: a
    /// rate over a few milliseconds would be noise.
    private let shortest: Int64
    /// So long intervals are held back, in microseconds: longer than a HALT takes to come.
    private let holding: Int64

    /// - Parameters:
    ///   - period: between two ticks.
    ///   - uptime: now, for a START that does not say when in the machine's uptime it was.
    init(
        _ start: ResourceMessage.RunStart, at place: RecordPlace, period: Duration, uptime: Int64, now: Timestamp
    ) {
        shortest = period.microseconds / 10
        holding = max(period.microseconds, 1_000_000)
        self.start = start
        self.place = place
        // A START from before the machine's last boot would lie in the future.
        startUptime = min(uptime, start.uptime ?? uptime - max(0, (now - start.at).microseconds))
        last = UsageReading(start.counters, uptime: startUptime)
        var watched = start.target
        if case .children(let pid, let startTicks, _) = watched.kind {
            watched.kind = .children(ofPID: pid, startTicks: startTicks, since: startUptime)
        }
        self.watched = watched
    }

    /// What was consumed until the next reading is not known, or is in samples that were taken before a restart.
    mutating func missBeginning() {
        last = nil
        missedBeginning = true
    }

    /// Closes an interval and opens the next.
    /// - Returns: samples that have been held back for long enough.
    mutating func record(_ reading: UsageReading) -> [UsageSample] {
        goneSince = nil
        if let ram = reading.counters.ram { peakRAM = max(ram, peakRAM ?? 0) }
        guard let before = last else {
            last = reading
            return []
        }
        guard reading.uptime - before.uptime >= (hasIntervals ? 1 : shortest) else { return [] }
        held.append(Interval(before: before, after: reading))
        last = reading
        hasIntervals = true
        let ripe = held.prefix { $0.after.uptime <= reading.uptime - holding }
        held.removeFirst(ripe.count)
        return ripe.compactMap(sample)
    }

    /// What remains when the run has ended: the intervals that were held back, and the last one, up to its end.
    func lastSamples(_ totals: RunTotals) -> [UsageSample] {
        guard let running = totals.running else { return heldBack }
        var end = UsageReading(start.counters.adding(totals), uptime: startUptime + running.microseconds)
        guard hasIntervals else {
            guard let last, !missedBeginning, running >= ResourceMonitor.shortestSample else { return [] }
            // Nobody saw its memory; this was its peak.
            end.counters.ram = totals.peakRAM
            return [sample(Interval(before: last, after: end))].compactMap(\.self)
        }
        var intervals = held.filter { $0.before.uptime < end.uptime }
        // A reading may have come after the end: what it counted then was not the run's.
        if let newest = intervals.last, end.uptime - newest.after.uptime < shortest {
            if newest.after.uptime <= end.uptime { end.counters.ram = newest.after.counters.ram }
            intervals[intervals.count - 1].after = end
        } else if let last, last.uptime < end.uptime {
            intervals.append(Interval(before: last, after: end))
        }
        return intervals.compactMap(sample)
    }

    /// The samples that are held back, for a run of which no HALT will come.
    var heldBack: [UsageSample] { held.compactMap(sample) }

    /// Forgets what was counted later than that: it was another run's.
    mutating func cut(at uptime: Int64) {
        while let newest = held.last, newest.after.uptime > uptime {
            held.removeLast()
            last = newest.before
        }
    }

    private func sample(_ interval: Interval) -> UsageSample? {
        let (before, after) = (interval.before, interval.after)
        guard after.uptime > before.uptime else { return nil }
        let sample = UsageSample(
            step: start.step, task: start.task, at: start.at + .microseconds(after.uptime - startUptime),
            microseconds: after.uptime - before.uptime, from: before.counters, to: after.counters)
        return sample.isEmpty ? nil : sample
    }

    /// What is known of it if its end is never told; nil where nothing is.
    var estimate: RunEstimate? {
        guard hasIntervals, let last, last.uptime > startUptime else { return nil }
        func since<Value: AdditiveArithmetic>(_ start: Value?, _ end: Value?) -> Value? {
            guard let start, let end else { return nil }
            return end - start
        }
        return RunEstimate(
            step: start.step, run: start.run,
            totals: RunTotals(
                cpu: since(start.counters.cpu, last.counters.cpu), peakRAM: peakRAM,
                diskRead: since(start.counters.diskRead, last.counters.diskRead),
                diskWritten: since(start.counters.diskWritten, last.counters.diskWritten),
                running: .microseconds(last.uptime - startUptime)))
    }
}
