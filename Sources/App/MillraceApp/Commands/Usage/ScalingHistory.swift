import MillraceCore

/// A task's demand over time, counted from orders: each is upcoming until its step may run, waits, runs, and is gone.
struct ScalingHistory {
    private struct Change {
        var at: Timestamp
        var running = 0
        var waiting = 0
        var upcoming = 0
    }

    private var changes: [String: [Change]] = [:]

    init(_ orders: [OrderView]) {
        for order in orders { add(order) }
    }

    private mutating func add(_ order: OrderView) {
        var ready: Timestamp? = order.submittedAt
        for step in order.steps {
            // A step of an order that failed before it, or that has not come to it yet.
            guard let from = ready else {
                changes[step.task, default: []].append(Change(at: order.submittedAt, upcoming: 1))
                if let end = order.finishedAt { changes[step.task]?.append(Change(at: end, upcoming: -1)) }
                continue
            }
            if from > order.submittedAt {
                changes[step.task, default: []].append(Change(at: order.submittedAt, upcoming: 1))
                changes[step.task]?.append(Change(at: from, upcoming: -1))
            }
            changes[step.task, default: []].append(Change(at: from, waiting: 1))
            if let start = step.startedAt {
                changes[step.task]?.append(Change(at: max(start, from), running: 1, waiting: -1))
                if let end = step.finishedAt ?? order.finishedAt {
                    changes[step.task]?.append(Change(at: max(end, start, from), running: -1))
                }
            } else if let end = order.finishedAt {
                changes[step.task]?.append(Change(at: max(end, from), waiting: -1))
            }
            ready = step.state == .finished ? step.finishedAt : nil
        }
    }

    var tasks: [String] { changes.keys.sorted() }

    func demand(of task: String) -> [TaskScaling.DemandPoint] {
        var points: [TaskScaling.DemandPoint] = []
        var sum = Change(at: Timestamp(microseconds: 0))
        for change in (changes[task] ?? []).sorted(by: { $0.at < $1.at }) {
            sum.running += change.running
            sum.waiting += change.waiting
            sum.upcoming += change.upcoming
            if points.last?.at == change.at { points.removeLast() }
            points.append(
                TaskScaling.DemandPoint(
                    at: change.at, running: sum.running, waiting: sum.waiting, upcoming: sum.upcoming))
        }
        return points
    }
}

extension ScalingFigure {
    /// - Parameter decisions: of each task, in any order.
    init(_ history: ScalingHistory, decisions: [String: [TaskUsageView.Decision]]) {
        let tasks = history.tasks.filter { decisions[$0] != nil }.map { task in
            let decided = (decisions[task] ?? []).sorted { $0.at < $1.at }
            return TaskScaling(
                task: task, demand: history.demand(of: task),
                replicas: decided.map { .init(at: $0.at, desired: $0.to) })
        }
        let first = tasks.compactMap { $0.demand.first?.at }.min()
        let last = tasks.flatMap { [$0.demand.last?.at, $0.replicas.last?.at] }.compactMap(\.self).max()
        self.init(title: "Demand and replicas", tasks: tasks, from: first, until: last)
    }
}
