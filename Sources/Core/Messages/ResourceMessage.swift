/// What the `resource` topic carries, to the monitor of the node where a step runs.
public enum ResourceMessage: Hashable, Sendable {
    case start(RunStart)
    case halt(RunHalt)

    public struct RunStart: Hashable, Sendable {
        public var step: StepKey
        public var task: TaskName
        public var run: RunID
        public var target: MeteringTarget
        public var at: Timestamp
        /// The same moment in microseconds since the machine's boot: a clock that nobody sets.
        public var uptime: Int64?
        /// The target's counters at that moment.
        public var counters: UsageCounters

        public init(
            step: StepKey, task: TaskName, run: RunID, target: MeteringTarget, at: Timestamp, uptime: Int64? = nil,
            counters: UsageCounters = UsageCounters()
        ) {
            self.step = step
            self.task = task
            self.run = run
            self.target = target
            self.at = at
            self.uptime = uptime
            self.counters = counters
        }
    }

    public struct RunHalt: Hashable, Sendable {
        public var step: StepKey
        public var run: RunID
        public var totals: RunTotals
        public var at: Timestamp

        public init(step: StepKey, run: RunID, totals: RunTotals, at: Timestamp) {
            self.step = step
            self.run = run
            self.totals = totals
            self.at = at
        }
    }
}

/// Whose consumption a run's is: a process (with its children) or a pod's one worker container, on a node.
public struct MeteringTarget: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// A pid may be used again: the time of its start, in clock ticks since boot, tells which process is meant.
        case process(pid: Int, startTicks: Int)
        /// The processes that a process starts, with theirs, but not itself: a command task's worker is not the task.
        /// What they count begins at `since`, in microseconds since boot: of those that have ended nobody else could tell.
        case children(ofPID: Int, startTicks: Int, since: Int64 = 0)
        case pod(uid: String)
    }

    public var node: String
    public var kind: Kind

    public init(node: String, kind: Kind) {
        self.node = node
        self.kind = kind
    }
}

extension ResourceMessage: Message {
    public var kind: String {
        switch self {
        case .start: "START"
        case .halt: "HALT"
        }
    }

    public var order: OrderID? {
        switch self {
        case .start(let start): start.step.order
        case .halt(let halt): halt.step.order
        }
    }

    public func writeFields(to writer: inout JSONWriter) {
        switch self {
        case .start(let start):
            writer.field("order", start.step.order.text)
            writer.field("step", start.step.index)
            writer.field("task", start.task.text)
            writer.field("run", start.run.text)
            writer.field("node", start.target.node)
            switch start.target.kind {
            case .process(let pid, let startTicks):
                writer.field("pid", pid)
                writer.field("startTicks", startTicks)
            case .children(let pid, let startTicks, _):
                writer.field("childrenOf", pid)
                writer.field("startTicks", startTicks)
            case .pod(let uid):
                writer.field("podUID", uid)
            }
            writer.field("at", start.at)
            writer.field("uptimeSeconds", ifPresent: start.uptime.map { Double($0) * 1e-6 })
            writer.field("cpuSeconds", ifPresent: start.counters.cpu?.inSeconds)
            writer.field("diskReadBytes", ifPresent: start.counters.diskRead)
            writer.field("diskWrittenBytes", ifPresent: start.counters.diskWritten)
        case .halt(let halt):
            writer.field("order", halt.step.order.text)
            writer.field("step", halt.step.index)
            writer.field("run", halt.run.text)
            halt.totals.writeFields(to: &writer)
            writer.field("at", halt.at)
        }
    }

    public init(kind: String, from reader: inout JSONReader) throws(JSONError) {
        guard kind == "START" || kind == "HALT" else { throw JSONError.unknownKind }
        var id: OrderID?
        var index: Int?
        var task: TaskName?
        var run: RunID?
        var node: String?
        var pid: Int?
        var childrenOf: Int?
        var startTicks: Int?
        var podUID: String?
        var at: Timestamp?
        var uptime: Int64?
        var totals = RunTotals()
        try reader.message { (reader, key) throws(JSONError) in
            switch key {
            case "order": id = try reader.orderID()
            case "step": index = try reader.integer()
            case "task": task = try reader.taskName()
            case "run": run = try reader.runID()
            case "node": node = try reader.string()
            case "pid": pid = try reader.integer()
            case "childrenOf": childrenOf = try reader.integer()
            case "startTicks": startTicks = try reader.integer()
            case "podUID": podUID = try reader.string()
            case "at": at = try reader.timestamp()
            case "uptimeSeconds": uptime = Duration.seconds(fraction: try reader.double()).microseconds
            default: if try !totals.readField(key, from: &reader) { try reader.skipValue() }
            }
        }
        let step = StepKey(order: try id.orMissing("order"), index: try index.orMissing("step"))
        let time = try at.orMissing("at")
        guard kind == "START" else {
            self = .halt(RunHalt(step: step, run: try run.orMissing("run"), totals: totals, at: time))
            return
        }
        let target: MeteringTarget.Kind
        if let podUID {
            target = .pod(uid: podUID)
        } else if let childrenOf {
            target = .children(ofPID: childrenOf, startTicks: try startTicks.orMissing("startTicks"))
        } else {
            target = .process(pid: try pid.orMissing("pid"), startTicks: try startTicks.orMissing("startTicks"))
        }
        self = .start(
            RunStart(
                step: step, task: try task.orMissing("task"), run: try run.orMissing("run"),
                target: MeteringTarget(node: try node.orMissing("node"), kind: target), at: time, uptime: uptime,
                counters: UsageCounters(
                    cpu: totals.cpu, diskRead: totals.diskRead, diskWritten: totals.diskWritten)))
    }
}
