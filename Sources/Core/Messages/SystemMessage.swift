/// What the `system` topic carries: all that monitor-system knows comes from here.
public enum SystemMessage: Hashable, Sendable {
    /// The orchestrator has taken an order up.
    case orderStarted(OrderID, tasks: [TaskName], at: Timestamp)
    /// The order's last step ended, or a step failed. By the worker.
    case orderEnded(OrderID, OrderEnd, at: Timestamp)
    case stepStarted(StepStart)
    case stepEnded(StepEnd)
    case instance(InstanceReport)

    public struct StepStart: Hashable, Sendable {
        public var step: StepKey
        public var task: TaskName
        public var run: RunID
        public var instance: String
        public var at: Timestamp

        public init(step: StepKey, task: TaskName, run: RunID, instance: String, at: Timestamp) {
            self.step = step
            self.task = task
            self.run = run
            self.instance = instance
            self.at = at
        }
    }

    public struct StepEnd: Hashable, Sendable {
        public var step: StepKey
        public var task: TaskName
        public var report: RunReport

        public init(step: StepKey, task: TaskName, report: RunReport) {
            self.step = step
            self.task = task
            self.report = report
        }
    }
}

/// How an order ended.
public enum OrderEnd: Hashable, Sendable {
    case finished
    case failed(reason: String)
    case cancelled(reason: String)
}

/// A task's replicas, as the orchestrator sees them at the fleet.
public struct InstanceReport: Hashable, Sendable {
    public var task: TaskName
    /// Ready replicas; nil when the fleet could not be asked.
    public var current: Int?
    /// What the fleet was last asked for.
    public var desired: Int
    /// The SERVICE that asked for it.
    public var number: Int
    /// Of the task's topic.
    public var partitions: Int
    /// Why the fleet is not as desired, for people.
    public var problem: String?

    public init(task: TaskName, current: Int?, desired: Int, number: Int, partitions: Int, problem: String? = nil) {
        self.task = task
        self.current = current
        self.desired = desired
        self.number = number
        self.partitions = partitions
        self.problem = problem
    }
}

extension SystemMessage: Message {
    public var kind: String {
        switch self {
        case .orderStarted, .orderEnded: "ORDER"
        case .stepStarted, .stepEnded: "TASK"
        case .instance: "INSTANCE"
        }
    }

    public var order: OrderID? {
        switch self {
        case .orderStarted(let id, _, _), .orderEnded(let id, _, _): id
        case .stepStarted(let start): start.step.order
        case .stepEnded(let end): end.step.order
        case .instance: nil
        }
    }

    public func writeFields(to writer: inout JSONWriter) {
        switch self {
        case .orderStarted(let id, let tasks, let at):
            writer.field("order", id.text)
            writer.field("state", "running")
            writer.key("tasks")
            writer.beginArray()
            for task in tasks { writer.string(task.text) }
            writer.endArray()
            writer.field("at", at)
        case .orderEnded(let id, let end, let at):
            writer.field("order", id.text)
            writer.field("state", end.state.rawValue)
            writer.field("reason", ifPresent: end.reason)
            writer.field("at", at)
        case .stepStarted(let start):
            writer.field("order", start.step.order.text)
            writer.field("step", start.step.index)
            writer.field("task", start.task.text)
            writer.field("state", "running")
            writer.field("run", start.run.text)
            writer.field("instance", start.instance)
            writer.field("startedAt", start.at)
        case .stepEnded(let end):
            writer.field("order", end.step.order.text)
            writer.field("step", end.step.index)
            writer.field("task", end.task.text)
            end.report.writeFields(to: &writer)
        case .instance(let report):
            writer.field("task", report.task.text)
            writer.field("current", ifPresent: report.current)
            writer.field("desired", report.desired)
            writer.field("number", report.number)
            writer.field("partitions", report.partitions)
            writer.field("problem", ifPresent: report.problem)
        }
    }

    public init(kind: String, from reader: inout JSONReader) throws(JSONError) {
        switch kind {
        case "ORDER": self = try Self.readOrder(from: &reader)
        case "TASK": self = try Self.readStep(from: &reader)
        case "INSTANCE": self = .instance(try InstanceReport(from: &reader))
        default: throw JSONError.unknownKind
        }
    }

    private static func readOrder(from reader: inout JSONReader) throws(JSONError) -> SystemMessage {
        var id: OrderID?
        var state: String?
        var reason: String?
        var tasks: [TaskName] = []
        var at: Timestamp?
        try reader.message { (reader, key) throws(JSONError) in
            switch key {
            case "order": id = try reader.orderID()
            case "state": state = try reader.string()
            case "reason": reason = try reader.string()
            case "tasks": try reader.array { (reader) throws(JSONError) in tasks.append(try reader.taskName()) }
            case "at": at = try reader.timestamp()
            default: try reader.skipValue()
            }
        }
        let order = try id.orMissing("order")
        let time = try at.orMissing("at")
        switch state {
        case "running":
            guard (1...Order.maximumTasks).contains(tasks.count) else {
                throw JSONError(path: "tasks", "must be 1 to \(Order.maximumTasks)")
            }
            return .orderStarted(order, tasks: tasks, at: time)
        case "finished": return .orderEnded(order, .finished, at: time)
        case "failed": return .orderEnded(order, .failed(reason: reason ?? "no reason was given"), at: time)
        case "cancelled": return .orderEnded(order, .cancelled(reason: reason ?? "no reason was given"), at: time)
        default: throw JSONError(path: "state", "must be running, finished, failed or cancelled")
        }
    }

    private static func readStep(from reader: inout JSONReader) throws(JSONError) -> SystemMessage {
        var id: OrderID?
        var index: Int?
        var task: TaskName?
        var started: Timestamp?
        var run: RunID?
        var instance = ""
        var isStart = false
        var fields = RunReport.Fields()
        try reader.message { (reader, key) throws(JSONError) in
            switch key {
            case "order": id = try reader.orderID()
            case "step": index = try reader.integer()
            case "task": task = try reader.taskName()
            case "state": isStart = try reader.string() == "running"
            // A start says "state": "running" before these; an end leaves it out and is a report.
            case "startedAt" where isStart: started = try reader.timestamp()
            case "run" where isStart: run = try reader.runID()
            case "instance" where isStart: instance = try reader.string()
            default: if try !fields.read(key, from: &reader) { try reader.skipValue() }
            }
        }
        let step = StepKey(order: try id.orMissing("order"), index: try index.orMissing("step"))
        guard (0..<Order.maximumTasks).contains(step.index) else {
            throw JSONError(path: "step", "must be 0 to \(Order.maximumTasks - 1)")
        }
        let name = try task.orMissing("task")
        guard isStart else { return .stepEnded(StepEnd(step: step, task: name, report: try fields.report())) }
        return .stepStarted(
            StepStart(
                step: step, task: name, run: try run.orMissing("run"), instance: instance,
                at: try started.orMissing("startedAt")))
    }
}

extension InstanceReport {
    init(from reader: inout JSONReader) throws(JSONError) {
        var task: TaskName?
        var current: Int?
        var desired: Int?
        var number: Int?
        var partitions: Int?
        var problem: String?
        try reader.message { (reader, key) throws(JSONError) in
            switch key {
            case "task": task = try reader.taskName()
            case "current": current = try reader.integer()
            case "desired": desired = try reader.integer()
            case "number": number = try reader.integer()
            case "partitions": partitions = try reader.integer()
            case "problem": problem = try reader.string()
            default: try reader.skipValue()
            }
        }
        self.init(
            task: try task.orMissing("task"), current: current, desired: try desired.orMissing("desired"),
            number: try number.orMissing("number"), partitions: try partitions.orMissing("partitions"),
            problem: problem)
        guard (0...messageNumberLimit).contains(self.number) else {
            throw JSONError(path: "number", "must be 0 to \(messageNumberLimit)")
        }
    }
}

extension OrderEnd {
    public var state: OrderState {
        switch self {
        case .finished: .finished
        case .failed: .failed
        case .cancelled: .cancelled
        }
    }

    public var reason: String? {
        switch self {
        case .finished: nil
        case .failed(let reason), .cancelled(let reason): reason
        }
    }
}
