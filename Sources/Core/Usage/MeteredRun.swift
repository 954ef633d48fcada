/// One run under way: what was counted when it was last looked at.
///
/// The newest interval is held back until the next reading, since the run may have ended before it was over: then the
/// HALT, which comes a moment later, puts an interval that ends with the run in its place.
struct MeteredRun: Sendable {
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
    /// What the interval before it began with.
    private var previous: UsageReading?
    private var newest: UsageSample?
    private var missedBeginning = false
    private var peakRAM: Int?

    /// An interval at a run's start or end that is shorter than this, in microseconds, is joined to its neighbour: a
    /// rate over a few milliseconds would be noise.
    private let shortest: Int64

    /// - Parameters:
    ///   - period: between two ticks.
    ///   - uptime: now, for a START that does not say when in the machine's uptime it was.
    init(
        _ start: ResourceMessage.RunStart, at place: RecordPlace, period: Duration, uptime: Int64, now: Timestamp
    ) {
        shortest = period.microseconds / 10
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
    /// - Returns: the sample of the interval before.
    mutating func record(_ reading: UsageReading) -> UsageSample? {
        goneSince = nil
        if let ram = reading.counters.ram { peakRAM = max(ram, peakRAM ?? 0) }
        guard let before = last else {
            last = reading
            return nil
        }
        guard reading.uptime - before.uptime >= (previous == nil ? shortest : 1) else { return nil }
        defer { newest = sample(from: before, to: reading) }
        previous = before
        last = reading
        return newest
    }

    /// What remains when the run has ended: its last two intervals, or the one that it had.
    func lastSamples(_ totals: RunTotals) -> [UsageSample] {
        guard let running = totals.running else { return [newest].compactMap(\.self) }
        var end = UsageReading(start.counters.adding(totals), uptime: startUptime + running.microseconds)
        guard let previous, let last else {
            guard let last, !missedBeginning, running >= ResourceMonitor.shortestSample else { return [] }
            // Nobody saw its memory; this was its peak.
            end.counters.ram = totals.peakRAM
            return [sample(from: last, to: end)].compactMap(\.self)
        }
        // The last reading may have come after the end: what it counted then was not the run's.
        guard end.uptime - last.uptime >= shortest else {
            end.counters.ram = last.counters.ram
            return [sample(from: previous, to: end)].compactMap(\.self)
        }
        return [newest, sample(from: last, to: end)].compactMap(\.self)
    }

    /// The sample that is held back, for a run of which no HALT will come.
    var heldBack: UsageSample? { newest }

    private func sample(from before: UsageReading, to after: UsageReading) -> UsageSample? {
        guard after.uptime > before.uptime else { return nil }
        let sample = UsageSample(
            step: start.step, task: start.task, at: start.at + .microseconds(after.uptime - startUptime),
            microseconds: after.uptime - before.uptime, from: before.counters, to: after.counters)
        return sample.isEmpty ? nil : sample
    }

    /// What is known of it if its end is never told; nil where nothing is.
    var estimate: RunEstimate? {
        guard previous != nil, let last else { return nil }
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
