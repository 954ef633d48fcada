/// What a task's own topic carries: run this step of this order.
public struct StepMessage: Hashable, Sendable {
    public var workOrder: Order
    public var step: Int
    /// What the step takes: the order's image, or what the step before put out.
    public var input: ImageReference

    /// Since when the step has waited to be run: the order's start, or the end of the step before.
    public var readyAt: Timestamp?

    public init(order: Order, step: Int, input: ImageReference, readyAt: Timestamp? = nil) {
        workOrder = order
        self.step = step
        self.input = input
        self.readyAt = readyAt
    }

    public var key: StepKey { StepKey(order: workOrder.id, index: step) }
    public var call: TaskCall { workOrder.tasks[step] }
    public var isLast: Bool { step == workOrder.tasks.count - 1 }
}

extension StepMessage: Message {
    public var kind: String { "ORDER" }
    public var order: OrderID? { workOrder.id }

    public func writeFields(to writer: inout JSONWriter) {
        writer.key("order")
        workOrder.write(to: &writer)
        writer.field("step", step)
        writer.field("input", input.description)
        if let readyAt { writer.field("readyAt", readyAt) }
    }

    public init(kind: String, from reader: inout JSONReader) throws(JSONError) {
        guard kind == "ORDER" else { throw JSONError.unknownKind }
        var order: Order?
        var step: Int?
        var input: ImageReference?
        var readyAt: Timestamp?
        try reader.message { (reader, key) throws(JSONError) in
            switch key {
            case "order": order = try Order(from: &reader)
            case "step": step = try reader.integer()
            case "input": input = try reader.imageReference()
            case "readyAt": readyAt = try reader.timestamp()
            default: try reader.skipValue()
            }
        }
        self.init(
            order: try order.orMissing("order"), step: try step.orMissing("step"), input: try input.orMissing("input"),
            readyAt: readyAt)
        guard workOrder.tasks.indices.contains(self.step) else {
            throw JSONError(path: "step", "must be one of the order's \(workOrder.tasks.count) steps")
        }
    }
}
