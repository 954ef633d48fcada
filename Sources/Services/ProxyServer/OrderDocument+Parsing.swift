public import MillraceCore

extension OrderDocument {
    public init(parsing bytes: [UInt8]) throws(JSONError) {
        self = try JSONReader.read(bytes) { (reader) throws(JSONError) in try OrderDocument(from: &reader) }
    }

    /// Reads what ``write(to:)`` writes; fields that are not known are passed over.
    public init(from reader: inout JSONReader) throws(JSONError) {
        var id: String?
        var state: OrderState?
        var image: String?
        var submittedAt: Timestamp?
        var rest = OrderDocument(
            id: "", state: .accepted, image: "", submittedAt: Timestamp(microseconds: 0), steps: [])
        try reader.object { (reader, key) throws(JSONError) in
            switch key {
            case "id": id = try reader.string()
            case "state": state = try reader.state(OrderState.self)
            case "reason": rest.reason = try reader.null() ? nil : reader.string()
            case "image": image = try reader.string()
            case "submittedAt": submittedAt = try reader.timestamp()
            case "startedAt": rest.startedAt = try reader.null() ? nil : reader.timestamp()
            case "finishedAt": rest.finishedAt = try reader.null() ? nil : reader.timestamp()
            case "steps":
                try reader.array { (reader) throws(JSONError) in rest.steps.append(try Step(from: &reader)) }
            default: try reader.skipValue()
            }
        }
        guard let id else { throw JSONError(path: "id", "is missing") }
        guard let state else { throw JSONError(path: "state", "is missing") }
        guard let image else { throw JSONError(path: "image", "is missing") }
        guard let submittedAt else { throw JSONError(path: "submittedAt", "is missing") }
        self.init(
            id: id, state: state, reason: rest.reason, image: image, submittedAt: submittedAt,
            startedAt: rest.startedAt, finishedAt: rest.finishedAt, steps: rest.steps)
    }
}

extension OrderDocument.Step {
    fileprivate init(from reader: inout JSONReader) throws(JSONError) {
        var task: String?
        var state: StepState?
        var rest = OrderDocument.Step(task: "", state: .pending, attempt: 0)
        try reader.object { (reader, key) throws(JSONError) in
            switch key {
            case "task": task = try reader.string()
            case "state": state = try reader.state(StepState.self)
            case "attempt": rest.attempt = try reader.integer()
            case "startedAt": rest.startedAt = try reader.null() ? nil : reader.timestamp()
            case "finishedAt": rest.finishedAt = try reader.null() ? nil : reader.timestamp()
            case "output": rest.output = try reader.null() ? nil : reader.string()
            case "instance": rest.instance = try reader.null() ? nil : reader.string()
            case "reason": rest.reason = try reader.null() ? nil : reader.string()
            case "usage": rest.usage = try reader.usage()
            default: try reader.skipValue()
            }
        }
        guard let task else { throw JSONError(path: "task", "is missing") }
        guard let state else { throw JSONError(path: "state", "is missing") }
        rest.task = task
        rest.state = state
        self = rest
    }
}

extension JSONReader {
    fileprivate mutating func state<State: RawRepresentable<String> & CaseIterable>(
        _ type: State.Type
    ) throws(JSONError) -> State {
        guard let state = State(rawValue: try string()) else {
            throw JSONError("must be one of \(State.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return state
    }

    fileprivate mutating func usage() throws(JSONError) -> RunTotals {
        var totals = RunTotals()
        if null() { return totals }
        try object { (reader, key) throws(JSONError) in
            if try !totals.readField(key, from: &reader) { try reader.skipValue() }
        }
        return totals
    }
}
