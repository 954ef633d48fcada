import MillraceCore

/// A task's demand and replicas over time. What a point tells holds until the next one.
struct TaskScaling: Sendable {
    /// Orders, each with a step of the task that has not ended.
    struct DemandPoint: Hashable, Sendable {
        var at: Timestamp
        var running = 0
        /// Sent to the task and not begun.
        var waiting = 0
        /// At an earlier step.
        var upcoming = 0
    }

    struct ReplicaPoint: Hashable, Sendable {
        var at: Timestamp
        var desired: Int
    }

    var task: String
    var demand: [DemandPoint]
    var replicas: [ReplicaPoint]
}

/// How tasks were scaled with their demand, in UTC: for each task its demand, and under it its replicas.
struct ScalingFigure: Sendable {
    var title: String
    var tasks: [TaskScaling]
    /// The moments that the picture is to cover; those of the points where nil.
    var from: Timestamp?
    var until: Timestamp?

    init(title: String, tasks: [TaskScaling], from: Timestamp? = nil, until: Timestamp? = nil) {
        self.title = title
        self.tasks = tasks
        self.from = from
        self.until = until
    }
}

extension ScalingFigure: PlotFigure {
    func script(_ format: PlotFormat, output: String) -> GnuplotScript {
        ScalingLayout(self).script(format, output: output)
    }
}
