public import MillraceCore

/// Reads what a run of a step in this process consumes, from kernel counters at its start and its end.
public protocol RunMeter: Sendable {
    /// Whose consumption it is, for monitor-resources.
    var target: MeteringTarget { get }
    func begin() -> RunReading
    /// What was consumed since; `children` is what processes that the run started have consumed.
    func end(_ reading: RunReading, children: RunTotals?) -> RunTotals
}

/// Counters at a run's start; nil where one could not be read.
public struct RunReading: Hashable, Sendable {
    public var cpu: Duration?
    public var diskRead: Int?
    public var diskWritten: Int?

    public init(cpu: Duration? = nil, diskRead: Int? = nil, diskWritten: Int? = nil) {
        self.cpu = cpu
        self.diskRead = diskRead
        self.diskWritten = diskWritten
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
