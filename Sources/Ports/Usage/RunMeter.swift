public import MillraceCore

/// Reads what a run of a step in this process consumes, from kernel counters at its start and its end.
public protocol RunMeter: Sendable {
    /// Whose consumption it is, for monitor-resources.
    var target: MeteringTarget { get }
    /// The counters now; what follows is the run's.
    func begin() -> RunReading
    /// What was consumed since, and how long it took.
    /// - Parameter children: what processes that the run started, and that have ended, have consumed: their peak is the
    ///   run's; their other counters may be in this process's own.
    func end(_ reading: RunReading, children: RunTotals?) -> RunTotals
}

/// Counters at a run's start.
public struct RunReading: Hashable, Sendable {
    /// As whoever samples the target from outside would have read them.
    public var atStart: UsageReading
    /// The CPU time so far, as exactly as this process can know it.
    public var cpu: Duration?

    public init(atStart: UsageReading = UsageReading(UsageCounters(), uptime: 0), cpu: Duration? = nil) {
        self.atStart = atStart
        self.cpu = cpu
    }
}

/// For tests: consumes nothing, knows nothing.
public struct NoMeter: RunMeter {
    public let target: MeteringTarget

    public init(node: String = "node", pid: Int = 1) {
        target = MeteringTarget(node: node, kind: .process(pid: pid, startTicks: 0))
    }

    public func begin() -> RunReading { RunReading() }
    public func end(_ reading: RunReading, children: RunTotals?) -> RunTotals { children ?? RunTotals() }
}
