public import MillraceCore
public import MillracePorts

/// A task as users see it: one of what `GET /v1/tasks` and `millrace tasks -o json` give. Every field is always there,
/// null where it is not known.
public struct TaskDocument: Hashable, Sendable {
    public var task: TaskName
    public var demand: Demand
    /// Ready replicas; nil when the fleet could not be asked.
    public var current: Int?
    public var desired: Int
    public var partitions: Int?
    /// Records of the task's topic that its replicas have not done yet; nil when it could not be read.
    public var lag: Int?
    public var lastDecision: ScalingDecision?
    /// Why the fleet is not as desired.
    public var problem: String?

    /// - Parameters:
    ///   - kept: what monitor-system has saved; nil for a task that nothing has required yet.
    ///   - topic: the task's topic and its group; nil when they could not be read.
    public init(
        task: TaskName, kept: KeptScaler?, topic: (description: TopicDescription, group: GroupDescription)?
    ) {
        self.task = task
        demand = kept?.demand ?? Demand()
        current = kept == nil ? 0 : kept?.instance?.current
        desired = kept?.desired ?? 0
        partitions = topic?.description.partitions.count ?? kept?.instance?.partitions
        lag = topic.map { $0.group.lag(in: $0.description) }
        lastDecision = kept?.lastDecision
        problem = kept?.instance?.problem
    }

    public func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("task", task.text)
        writer.key("demand")
        writer.beginObject()
        writer.field("running", demand.running)
        writer.field("upcoming", demand.upcoming)
        writer.endObject()
        writer.key("replicas")
        writer.beginObject()
        writer.field("current", orNull: current)
        writer.field("desired", desired)
        writer.endObject()
        writer.field("partitions", orNull: partitions)
        writer.field("lag", orNull: lag)
        writer.key("lastDecision")
        if let lastDecision { writer.decision(lastDecision) } else { writer.null() }
        writer.field("problem", orNull: problem)
        writer.endObject()
    }
}
