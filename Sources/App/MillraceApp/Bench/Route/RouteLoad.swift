import MillraceCore

/// What comes to an orchestrator while orders of five steps, each of a task of its own, are run by replicas that take no
/// time.
struct RouteLoad: Sendable {
    static let owners = 8
    let tasks: [TaskName]
    private let image = ImageReference.content(sha256: String(repeating: "0", count: 64))

    init() throws(InvalidValue) {
        var tasks: [TaskName] = []
        for index in 0..<5 { tasks.append(try TaskName("route-\(index)")) }
        self.tasks = tasks
    }

    /// Each partition of each task has an owner of its own.
    func owners() -> [OrchestratorMessage] {
        tasks.flatMap { task in
            (0..<Self.owners).map {
                .owner(.init(task: task, instance: "owner-\($0)", partitions: [$0], isFree: true))
            }
        }
    }

    /// START and PROGRESS of each step.
    /// - Parameter wave: so many orders are a step ahead of the next so many, as they would be with replicas at work.
    func messages(orders: Int, name: String, wave: Int = 256) throws(InvalidValue) -> [OrchestratorMessage] {
        var messages: [OrchestratorMessage] = []
        messages.reserveCapacity(orders * (tasks.count + 1))
        let run = try RunID("run")
        let begin = Timestamp(microseconds: 1_700_000_000_000_000)
        for start in stride(from: 0, to: orders, by: wave) {
            var some: [Order] = []
            for index in start..<min(start + wave, orders) {
                some.append(
                    Order(id: try OrderID("\(name)-\(index)"), image: image, tasks: tasks.map { TaskCall($0) }))
            }
            messages += some.map { .start($0) }
            for step in tasks.indices {
                messages += some.map { order in
                    let report = RunReport(
                        run: run, attempt: 1, outcome: .finished(output: image), startedAt: begin,
                        finishedAt: begin + .microseconds(10), totals: RunTotals(), instance: "owner-0")
                    return .progress(.init(order: order, step: step, report: report))
                }
            }
        }
        return messages
    }
}
