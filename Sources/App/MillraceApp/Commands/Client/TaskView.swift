import MillraceCore

/// A task as the service shows it.
struct TaskView: Hashable, Sendable {
    struct Decision: Hashable, Sendable {
        var from: Int
        var to: Int
        var reason: String
        var at: Timestamp
    }

    var task: String
    var running: Int
    var upcoming: Int
    var current: Int?
    var desired: Int
    var partitions: Int?
    var lag: Int?
    var lastDecision: Decision?
    /// Why the fleet is not as desired.
    var problem: String?

    static func list(json: [UInt8]) throws(JSONError) -> [TaskView] {
        guard case .array(let values) = try JSONValue(parsing: json) else { throw JSONError("must be an array") }
        var tasks: [TaskView] = []
        for value in values { tasks.append(try TaskView(fields: JSONFields(value))) }
        return tasks
    }

    private init(fields: JSONFields) throws(JSONError) {
        task = try fields.text("task")
        let demand = try fields.object("demand")
        running = try demand.whole("running")
        upcoming = try demand.whole("upcoming")
        let replicas = try fields.object("replicas")
        current = try replicas.wholeIfPresent("current")
        desired = try replicas.whole("desired")
        partitions = try fields.wholeIfPresent("partitions")
        lag = try fields.wholeIfPresent("lag")
        problem = try fields.textIfPresent("problem")
        if let decision = try fields.objectIfPresent("lastDecision") {
            lastDecision = Decision(
                from: try decision.whole("from"), to: try decision.whole("to"), reason: try decision.text("reason"),
                at: try decision.time("at"))
        }
    }

    static func table(_ tasks: [TaskView]) -> Table {
        var table = Table([
            ("task", .left), ("running", .right), ("upcoming", .right), ("replicas", .right), ("partitions", .right),
            ("lag", .right), ("decided", .left), ("at", .left), ("reason", .left),
        ])
        for task in tasks {
            let decision = task.lastDecision
            let reasons = [decision?.reason, task.problem.map { "not as desired: \($0)" }].compactMap { $0 }
            table.add([
                task.task, String(task.running), String(task.upcoming),
                "\(Wording.number(task.current))/\(task.desired)", Wording.number(task.partitions),
                Wording.number(task.lag), decision.map { "\($0.from) → \($0.to)" } ?? Wording.unknown,
                Wording.time(decision?.at), reasons.joined(separator: "; "),
            ])
        }
        return table
    }
}
