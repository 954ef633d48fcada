/// What the kernel has counted for a target up to a moment; nil where a counter could not be read.
public struct UsageCounters: Hashable, Sendable {
    /// CPU time consumed so far, user and system.
    public var cpu: Duration?
    /// Resident at that moment, in bytes: the working set of a cgroup, the sum over a tree of processes.
    public var ram: Int?
    /// Bytes fetched from, and sent to, the disk layer so far.
    public var diskRead: Int?
    public var diskWritten: Int?

    public init(cpu: Duration? = nil, ram: Int? = nil, diskRead: Int? = nil, diskWritten: Int? = nil) {
        self.cpu = cpu
        self.ram = ram
        self.diskRead = diskRead
        self.diskWritten = diskWritten
    }

    /// Counters as they stand when a run has ended that began with these.
    func adding(_ totals: RunTotals) -> UsageCounters {
        UsageCounters(
            cpu: sum(cpu, totals.cpu), diskRead: sum(diskRead, totals.diskRead),
            diskWritten: sum(diskWritten, totals.diskWritten))
    }
}

/// Counters, and when they were read.
public struct UsageReading: Hashable, Sendable {
    public var counters: UsageCounters
    /// Microseconds since the machine's boot: the same clock in every process, and never set.
    public var uptime: Int64

    public init(_ counters: UsageCounters, uptime: Int64) {
        self.counters = counters
        self.uptime = uptime
    }
}

/// What a step consumed in an interval that ends at a moment. What could not be read is nil: a gap, never a zero.
public struct UsageSample: Hashable, Sendable {
    public var step: StepKey
    public var task: TaskName
    /// The interval's end.
    public var at: Timestamp
    /// The interval's length.
    public var seconds: Double
    /// Mean over the interval, in cores.
    public var cpu: Double?
    /// At its end, in bytes.
    public var ram: Double?
    /// Mean over the interval, read and written, in bytes a second.
    public var disk: Double?

    public init(
        step: StepKey, task: TaskName, at: Timestamp, seconds: Double, cpu: Double? = nil, ram: Double? = nil,
        disk: Double? = nil
    ) {
        self.step = step
        self.task = task
        self.at = at
        self.seconds = seconds
        self.cpu = cpu
        self.ram = ram
        self.disk = disk
    }

    public subscript(resource: Resource) -> Double? {
        switch resource {
        case .cpu: cpu
        case .ram: ram
        case .disk: disk
        }
    }

    /// Whether anything is known at all.
    var isEmpty: Bool { cpu == nil && ram == nil && disk == nil }
}

extension UsageSample {
    /// The rates between two readings, so many microseconds apart. A counter that fell was not the same one: a gap.
    init(
        step: StepKey, task: TaskName, at: Timestamp, microseconds: Int64, from before: UsageCounters,
        to after: UsageCounters
    ) {
        let length = Double(microseconds)
        func growth<Value: Comparable & AdditiveArithmetic>(_ before: Value?, _ after: Value?) -> Value? {
            guard let before, let after, after >= before else { return nil }
            return after - before
        }
        let bytes = sum(growth(before.diskRead, after.diskRead), growth(before.diskWritten, after.diskWritten))
        self.init(
            step: step, task: task, at: at, seconds: length / 1e6,
            cpu: growth(before.cpu, after.cpu).map { Double($0.nanoseconds) / (length * 1e3) },
            ram: after.ram.map(Double.init), disk: bytes.map { Double($0) * 1e6 / length })
    }
}

/// The sum where both are known.
func sum<Value: AdditiveArithmetic>(_ a: Value?, _ b: Value?) -> Value? {
    guard let a, let b else { return nil }
    return a + b
}
