/// The running steps of one node and what each has consumed, as a value: STARTs, HALTs and readings in, samples out.
///
/// Between a run's START, which carries the counters at its start, and its HALT, which carries its exact totals, every
/// reading closes one interval and opens the next. The last interval is computed from the totals, so that the samples
/// of a run add up to them. Intervals are measured by the machine's uptime: a clock that is set changes nothing.
public struct ResourceMonitor: Sendable {
    /// More runs than this are not metered: a bound on memory, far above what one node runs.
    public static let runLimit = 65_536
    /// A run that ended before its first reading is one sample if it lasted this long; a shorter one is in its totals.
    public static let shortestSample: Duration = .milliseconds(10)
    /// How long the HALT of a target that has vanished may still come, in microseconds.
    static let haltGrace: Int64 = 10_000_000

    private var runs: [RunID: MeteredRun] = [:]
    /// The run of each target, as STARTs name it: a target runs one step at a time.
    private var running: [MeteringTarget: RunID] = [:]
    /// The run of each target, as it is to be read.
    private var watched: [MeteringTarget: RunID] = [:]
    private var ended = RecentSet<RunID>(limit: 8192)
    private var samples: [UsageSample] = []
    private var estimates: [RunEstimate] = []
    /// STARTs that were refused for ``runLimit``.
    public private(set) var refused = 0
    private let period: Duration
    /// A run that had started before is one of which the beginning was missed: another monitor may have sampled it.
    private let since: Int64

    /// - Parameters:
    ///   - period: between two ticks.
    ///   - since: when it begins, in microseconds since boot.
    public init(period: Duration, since: Int64 = 0) {
        self.period = period
        self.since = since
    }

    /// Runs that are under way.
    public var count: Int { runs.count }

    /// What is to be read at the next tick.
    public var targets: [MeteringTarget] { Array(watched.keys) }

    /// Where reading must begin again to find every run that is under way: the place of the oldest START, by partition.
    public var oldestPlaces: [Int: Int64] {
        runs.values.reduce(into: [:]) { oldest, run in
            oldest[run.place.partition] = min(oldest[run.place.partition] ?? .max, run.place.offset)
        }
    }

    // MARK: Events

    /// - Parameters:
    ///   - place: where the message stands in the `resource` topic.
    ///   - uptime: now, in microseconds since boot; `now` is the same moment on the clock of day.
    public mutating func apply(_ message: ResourceMessage, at place: RecordPlace, uptime: Int64, now: Timestamp) {
        switch message {
        case .start(let start): self.start(start, at: place, uptime: uptime, now: now)
        case .halt(let halt): end(halt)
        }
    }

    private mutating func start(_ start: ResourceMessage.RunStart, at place: RecordPlace, uptime: Int64, now: Timestamp)
    {
        guard runs[start.run] == nil, !ended.contains(start.run) else { return }
        // The target runs the next step: of the last one no HALT will come.
        if let before = running[start.target], var run = runs[before] {
            if let next = start.uptime { run.cut(at: next) }
            close(run)
        }
        guard runs.count < Self.runLimit else {
            refused += 1
            return
        }
        var run = MeteredRun(start, at: place, period: period, uptime: uptime, now: now)
        if run.startUptime < since { run.missBeginning() }
        runs[start.run] = run
        running[start.target] = start.run
        watched[run.watched] = start.run
    }

    private mutating func end(_ halt: ResourceMessage.RunHalt) {
        guard let run = runs.removeValue(forKey: halt.run) else { return }
        forget(run)
        samples += run.lastSamples(halt.totals)
    }

    /// Takes a target's reading. One of a target that runs nothing any more says nothing.
    public mutating func record(_ reading: UsageReading, of target: MeteringTarget) {
        guard let id = watched[target] else { return }
        samples += runs[id]?.record(reading) ?? []
    }

    /// Takes that a target could not be read.
    /// - Returns: whether this is news of the run, to be told once.
    public mutating func failed(_ target: MeteringTarget, isGone: Bool, uptime: Int64) -> StepKey? {
        guard let id = watched[target], var run = runs[id] else { return nil }
        let isNews = !run.hasFailed
        run.hasFailed = true
        if isGone {
            let since = run.goneSince ?? uptime
            run.goneSince = since
            if uptime - since >= Self.haltGrace {
                close(run)
                return nil
            }
        }
        runs[id] = run
        return isNews ? run.start.step : nil
    }

    /// Ends a run of which no HALT will come: what is known of it is an estimate.
    private mutating func close(_ run: MeteredRun) {
        runs[run.start.run] = nil
        forget(run)
        samples += run.heldBack
        if let estimate = run.estimate { estimates.append(estimate) }
    }

    private mutating func forget(_ run: MeteredRun) {
        ended.insert(run.start.run)
        if running[run.start.target] == run.start.run { running[run.start.target] = nil }
        watched[run.watched] = nil
    }

    /// Gives out the samples that are held back: the service stops, and will find these runs half done.
    public mutating func stop() {
        samples += runs.values.flatMap(\.heldBack)
    }

    // MARK: Results

    /// What is to be stored since it was last taken.
    public mutating func takeSamples() -> (samples: [UsageSample], estimates: [RunEstimate]) {
        defer {
            samples = []
            estimates = []
        }
        return (samples, estimates)
    }
}

/// What is known of a run whose end was never told: the sums of its samples.
public struct RunEstimate: Hashable, Sendable {
    public var step: StepKey
    public var run: RunID
    public var totals: RunTotals

    public init(step: StepKey, run: RunID, totals: RunTotals) {
        self.step = step
        self.run = run
        self.totals = totals
    }
}
