public import MillraceCore
public import MillracePorts

/// An order as users see it: what `GET /v1/orders/ID` and `millrace orders get ID -o json` give. Every field is always
/// there, null where it is not known.
public struct OrderDocument: Hashable, Sendable {
    public struct Step: Hashable, Sendable {
        public var task: String
        public var state: StepState
        /// Runs and retries so far; 0 before the first.
        public var attempt: Int
        public var startedAt: Timestamp?
        public var finishedAt: Timestamp?
        /// The URL path of what the step put out; nil while there is nothing.
        public var output: String?
        /// The replica that ran it.
        public var instance: String?
        /// Why it failed.
        public var reason: String?
        public var usage: RunTotals

        public init(
            task: String, state: StepState, attempt: Int, startedAt: Timestamp? = nil, finishedAt: Timestamp? = nil,
            output: String? = nil, instance: String? = nil, reason: String? = nil, usage: RunTotals = RunTotals()
        ) {
            self.task = task
            self.state = state
            self.attempt = attempt
            self.startedAt = startedAt
            self.finishedAt = finishedAt
            self.output = output
            self.instance = instance
            self.reason = reason
            self.usage = usage
        }
    }

    public var id: String
    public var state: OrderState
    /// Why it failed or was cancelled.
    public var reason: String?
    /// The image's reference: `sha256:…`.
    public var image: String
    public var submittedAt: Timestamp
    public var startedAt: Timestamp?
    public var finishedAt: Timestamp?
    public var steps: [Step]

    public init(
        id: String, state: OrderState, reason: String? = nil, image: String, submittedAt: Timestamp,
        startedAt: Timestamp? = nil, finishedAt: Timestamp? = nil, steps: [Step]
    ) {
        self.id = id
        self.state = state
        self.reason = reason
        self.image = image
        self.submittedAt = submittedAt
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.steps = steps
    }

    /// An order as the store has it.
    public init(_ record: OrderRecord) {
        let progress = record.progress
        let id = record.order.id
        self.init(
            id: id.text, state: progress.state, reason: progress.reason, image: record.order.image.description,
            submittedAt: record.submittedAt, startedAt: progress.startedAt, finishedAt: progress.finishedAt,
            steps: progress.steps.enumerated().map { index, step in
                Step(
                    task: step.task.text, state: step.state, attempt: step.attempt, startedAt: step.startedAt,
                    finishedAt: step.finishedAt,
                    output: step.output.map { _ in Self.outputPath(StepKey(order: id, index: index)) },
                    instance: step.instance, reason: step.reason, usage: step.totals)
            })
    }

    /// An order that was taken just now.
    public init(accepted new: NewOrder) {
        self.init(
            id: new.order.id.text, state: .accepted, image: new.order.image.description, submittedAt: new.submittedAt,
            steps: new.order.tasks.map { Step(task: $0.name.text, state: .pending, attempt: 0) })
    }

    /// The URL path of an order.
    public static func path(_ id: OrderID) -> String { "/v1/orders/\(id)" }

    /// The URL path of what a step put out. An order's id needs no escaping.
    public static func outputPath(_ step: StepKey) -> String { "/v1/orders/\(step.order)/steps/\(step.index)/output" }
}

extension OrderDocument {
    public func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("id", id)
        writer.field("state", state.rawValue)
        writer.field("reason", orNull: reason)
        writer.field("image", image)
        writer.field("submittedAt", submittedAt)
        writer.field("startedAt", orNull: startedAt)
        writer.field("finishedAt", orNull: finishedAt)
        writer.key("steps")
        writer.beginArray()
        for (index, step) in steps.enumerated() { step.write(index: index, to: &writer) }
        writer.endArray()
        writer.endObject()
    }

    public var encoded: [UInt8] {
        var writer = JSONWriter(capacity: 256 + 320 * steps.count)
        write(to: &writer)
        return writer.bytes
    }
}

extension OrderDocument.Step {
    fileprivate func write(index: Int, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("index", index)
        writer.field("task", task)
        writer.field("state", state.rawValue)
        writer.field("attempt", attempt)
        writer.field("startedAt", orNull: startedAt)
        writer.field("finishedAt", orNull: finishedAt)
        writer.field("output", orNull: output)
        writer.field("instance", orNull: instance)
        writer.field("reason", orNull: reason)
        writer.key("usage")
        writer.totals(usage)
        writer.endObject()
    }
}

extension JSONWriter {
    mutating func field(_ key: String, orNull value: String?) {
        self.key(key)
        if let value { string(value) } else { null() }
    }
    mutating func field(_ key: String, orNull value: Int?) {
        self.key(key)
        if let value { integer(value) } else { null() }
    }
    mutating func field(_ key: String, orNull value: Double?) {
        self.key(key)
        if let value { number(value) } else { null() }
    }
    mutating func field(_ key: String, orNull value: Timestamp?) {
        self.key(key)
        if let value { timestamp(value) } else { null() }
    }
}
