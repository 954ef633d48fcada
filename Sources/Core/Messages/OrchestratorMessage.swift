/// What the `orchestrator` topic carries.
public enum OrchestratorMessage: Hashable, Sendable {
    /// A new order. By proxy-server.
    case start(Order)
    /// A step ended. By the worker; it carries the order, since the orchestrator keeps none.
    case progress(Progress)
    /// Scale a task. By monitor-system.
    case service(ServiceRequest)
    /// What a replica owns. By the worker.
    case owner(Ownership)

    public struct Progress: Hashable, Sendable {
        public var order: Order
        public var step: Int
        /// Without its totals: they are for those who account, and the next step waits for this message.
        public var report: RunReport

        public init(order: Order, step: Int, report: RunReport) {
            self.order = order
            self.step = step
            self.report = report
            self.report.totals = RunTotals()
        }
    }

    public struct Ownership: Hashable, Sendable {
        public var task: TaskName
        public var instance: String
        /// All the partitions of the task's topic that the replica owns now.
        public var partitions: [Int]
        /// Whether it has nothing to do.
        public var isFree: Bool

        public init(task: TaskName, instance: String, partitions: [Int], isFree: Bool) {
            self.task = task
            self.instance = instance
            self.partitions = partitions
            self.isFree = isFree
        }
    }
}

/// A wish for a task's replicas: level-triggered, so that repeating it does nothing and the latest number wins.
public struct ServiceRequest: Hashable, Sendable {
    public var task: TaskName
    public var replicas: Int
    /// Grows with each wish for the task.
    public var number: Int
    public var reason: String

    public init(task: TaskName, replicas: Int, number: Int, reason: String) {
        self.task = task
        self.replicas = replicas
        self.number = number
        self.reason = reason
    }
}

extension OrchestratorMessage: Message {
    public var kind: String {
        switch self {
        case .start: "START"
        case .progress: "PROGRESS"
        case .service: "SERVICE"
        case .owner: "OWNER"
        }
    }

    public var order: OrderID? {
        switch self {
        case .start(let order): order.id
        case .progress(let progress): progress.order.id
        case .service, .owner: nil
        }
    }

    public func writeFields(to writer: inout JSONWriter) {
        switch self {
        case .start(let order):
            writer.key("order")
            order.write(to: &writer)
        case .progress(let progress):
            writer.key("order")
            progress.order.write(to: &writer)
            writer.field("step", progress.step)
            progress.report.writeFields(to: &writer)
        case .service(let request):
            writer.field("task", request.task.text)
            writer.field("replicas", request.replicas)
            writer.field("number", request.number)
            writer.field("reason", request.reason)
        case .owner(let owner):
            writer.field("task", owner.task.text)
            writer.field("instance", owner.instance)
            writer.key("partitions")
            writer.beginArray()
            for partition in owner.partitions { writer.integer(partition) }
            writer.endArray()
            writer.field("free", owner.isFree)
        }
    }

    public init(kind: String, from reader: inout JSONReader) throws(JSONError) {
        switch kind {
        case "START": self = .start(try Self.readOrder(from: &reader))
        case "PROGRESS": self = .progress(try Progress(from: &reader))
        case "SERVICE": self = .service(try ServiceRequest(from: &reader))
        case "OWNER": self = .owner(try Ownership(from: &reader))
        default: throw JSONError.unknownKind
        }
    }

    private static func readOrder(from reader: inout JSONReader) throws(JSONError) -> Order {
        var order: Order?
        try reader.message { (reader, key) throws(JSONError) in
            if key == "order" { order = try Order(from: &reader) } else { try reader.skipValue() }
        }
        return try order.orMissing("order")
    }
}

extension OrchestratorMessage.Progress {
    init(from reader: inout JSONReader) throws(JSONError) {
        var order: Order?
        var step: Int?
        var fields = RunReport.Fields()
        try reader.message { (reader, key) throws(JSONError) in
            switch key {
            case "order": order = try Order(from: &reader)
            case "step": step = try reader.integer()
            default: if try !fields.read(key, from: &reader) { try reader.skipValue() }
            }
        }
        self.init(
            order: try order.orMissing("order"), step: try step.orMissing("step"), report: try fields.report())
        guard self.order.tasks.indices.contains(self.step) else {
            throw JSONError(path: "step", "must be one of the order's \(self.order.tasks.count) steps")
        }
    }
}

extension ServiceRequest {
    init(from reader: inout JSONReader) throws(JSONError) {
        var task: TaskName?
        var replicas: Int?
        var number: Int?
        var reason = ""
        try reader.message { (reader, key) throws(JSONError) in
            switch key {
            case "task": task = try reader.taskName()
            case "replicas": replicas = try reader.integer()
            case "number": number = try reader.integer()
            case "reason": reason = try reader.string()
            default: try reader.skipValue()
            }
        }
        self.init(
            task: try task.orMissing("task"), replicas: try replicas.orMissing("replicas"),
            number: try number.orMissing("number"), reason: reason)
        guard (0...100_000).contains(self.replicas) else { throw JSONError(path: "replicas", "must be 0 to 100000") }
        guard (1...messageNumberLimit).contains(self.number) else {
            throw JSONError(path: "number", "must be 1 to \(messageNumberLimit)")
        }
    }
}

extension OrchestratorMessage.Ownership {
    init(from reader: inout JSONReader) throws(JSONError) {
        var task: TaskName?
        var instance: String?
        var partitions: [Int] = []
        var isFree = false
        try reader.message { (reader, key) throws(JSONError) in
            switch key {
            case "task": task = try reader.taskName()
            case "instance": instance = try reader.string()
            case "partitions":
                try reader.array { (reader) throws(JSONError) in partitions.append(try reader.integer()) }
            case "free": isFree = try reader.bool()
            default: try reader.skipValue()
            }
        }
        self.init(
            task: try task.orMissing("task"), instance: try instance.orMissing("instance"), partitions: partitions,
            isFree: isFree)
    }
}
