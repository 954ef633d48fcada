public import MillraceCore

/// Samples of what steps consumed, and what can be learned of them. Everything is safe on disk when a call returns.
public protocol UsageStore: Sendable {
    // MARK: For monitor-resources

    /// Saves all of a batch in one transaction. What is there already is left as it is, so that a batch may be saved
    /// again: a sample is known by its step, resource and time, an estimate by its run, which known totals outrank.
    /// - Returns: how many samples were of orders that the store does not know; they are not kept.
    @discardableResult
    func save(_ batch: UsageBatch) async throws(StoreError) -> Int

    /// The next offset of the `resource` topic to be read by a node's monitor, by partition, as last saved.
    func resourceOffsets(node: String) async throws(StoreError) -> [Int: Int64]

    /// Does a bounded piece of housekeeping: samples of orders that were submitted before `keep.samplesSince` become
    /// minutes, usage of orders submitted before `keep.minutesSince` is deleted; totals stay with their orders.
    /// - Returns: whether there is more to be done.
    func tidy(_ keep: UsageRetention) async throws(StoreError) -> Bool

    // MARK: For whoever asks

    /// An order's samples, by step, resource and time; none of an order that is not there. Minutes where samples have
    /// become minutes.
    func usage(of order: OrderID) async throws(StoreError) -> [UsageSeries]

    /// The latest steps of a task that have finished, newest first, with their totals.
    func finishedSteps(of task: TaskName, limit: Int) async throws(StoreError) -> [FinishedStep]

    /// Samples of a task's latest finished steps, newest step first: at most `limit` steps that have any.
    /// - Parameter points: the most of each series; neighbours become one as each step is read, so that steps of days
    ///   do not have to be in memory together.
    func usage(of task: TaskName, limit: Int, points: Int) async throws(StoreError) -> [StepSeries]

    /// Samples that monitors had to drop, newest first.
    func drops(limit: Int) async throws(StoreError) -> [UsageDrop]

    func close() async
}

/// What a node's monitor has to save.
public struct UsageBatch: Sendable {
    public var node: String
    public var samples: [UsageSample]
    public var estimates: [RunEstimate]
    /// Where to go on reading the `resource` topic; a partition that is not named keeps what it has.
    public var offsets: [Int: Int64]
    /// Samples that were dropped since the last batch.
    public var dropped: Int
    public var at: Timestamp

    public init(
        node: String, samples: [UsageSample] = [], estimates: [RunEstimate] = [], offsets: [Int: Int64] = [:],
        dropped: Int = 0, at: Timestamp
    ) {
        self.node = node
        self.samples = samples
        self.estimates = estimates
        self.offsets = offsets
        self.dropped = dropped
        self.at = at
    }
}

/// What is kept: as it was taken, as minutes, or not at all.
public struct UsageRetention: Hashable, Sendable {
    public var samplesSince: Timestamp
    public var minutesSince: Timestamp

    /// A minute of the clock of day, in microseconds; a sample is of the minute that it ends in.
    public static let minute: Int64 = 60_000_000

    public init(samplesSince: Timestamp, minutesSince: Timestamp) {
        self.samplesSince = samplesSince
        self.minutesSince = minutesSince
    }

    /// What becomes of an order's samples and minutes.
    public enum Fate: Sendable {
        case stay, becomeMinutes, go
    }

    public func fate(ofOrderSubmittedAt submittedAt: Timestamp, hasEnded: Bool) -> Fate {
        guard hasEnded else { return .stay }
        if submittedAt < minutesSince { return .go }
        return submittedAt < samplesSince ? .becomeMinutes : .stay
    }
}

/// One resource of one step over time.
public struct UsageSeries: Hashable, Sendable {
    public var step: Int
    public var task: TaskName
    public var resource: Resource
    public var points: [UsagePoint]

    public init(step: Int, task: TaskName, resource: Resource, points: [UsagePoint]) {
        self.step = step
        self.task = task
        self.resource = resource
        self.points = points
    }

    /// At most so many points; neighbours become one, which keeps the least and the largest of them.
    public func downsampled(to count: Int) -> UsageSeries {
        UsageSeries(step: step, task: task, resource: resource, points: points.downsampled(to: count))
    }
}

/// One step's series of a task.
public struct StepSeries: Hashable, Sendable {
    public var step: StepKey
    public var startedAt: Timestamp
    public var series: [UsageSeries]

    public init(step: StepKey, startedAt: Timestamp, series: [UsageSeries]) {
        self.step = step
        self.startedAt = startedAt
        self.series = series
    }
}

/// A step that has finished, and what its run consumed.
public struct FinishedStep: Hashable, Sendable {
    public var step: StepKey
    public var startedAt: Timestamp
    public var finishedAt: Timestamp
    public var totals: RunTotals

    public init(step: StepKey, startedAt: Timestamp, finishedAt: Timestamp, totals: RunTotals) {
        self.step = step
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.totals = totals
    }
}

/// So many samples were lost on a node since it last saved any.
public struct UsageDrop: Hashable, Sendable {
    public var node: String
    public var at: Timestamp
    public var samples: Int

    /// How many of these a store keeps: the latest. Some weeks of a bad time.
    public static let kept = 1000

    public init(node: String, at: Timestamp, samples: Int) {
        self.node = node
        self.at = at
        self.samples = samples
    }
}
