import ArgumentParser
import MillraceCore

struct PlotCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plot",
        abstract: "Usage as a picture: of orders, of a task over all orders, or of scaling over time.",
        discussion: """
            `plot ID… -o FILE`: an order's CPU, RAM and DISK with its steps, over what is expected of their tasks; several \
            orders are laid over one another from their starts.
            `plot --task T -o FILE`: a task's steps, against the time since their start, and how whole steps are spread.
            `plot --scaling [--task T] -o FILE`: demand and replicas over time.
            The file's name ends with .svg or .png. gnuplot draws it (apt-get install gnuplot-nox).
            """)
    @Argument(help: "orders") var ids: [String] = []
    @Option(help: "a task, over all orders") var task: String?
    @Flag(help: "demand and replicas over time") var scaling = false
    @Option(help: "of a task: its latest so many steps; of scaling: the latest so many orders (1000)") var limit: Int?
    @Option(name: [.customShort("o"), .customLong("output")], help: "the picture: .svg or .png") var output: String
    @Option(help: "where Millrace listens (or MILLRACE_URL; else \(ClientOptions.defaultURL))") var url: String?

    func validate() throws {
        guard ids.isEmpty == (task != nil || scaling) else {
            throw ValidationError("give orders' ids, --task T, or --scaling")
        }
        if !ids.isEmpty, limit != nil { throw ValidationError("--limit is of --task and --scaling, not of orders") }
        guard (1...10_000).contains(limit ?? 1) else { throw ValidationError("--limit must be 1 to 10000") }
    }

    func run() async throws {
        _ = try Plotting.format(of: output)
        var options = ClientOptions()
        options.url = url
        let (output, limit, scaling) = (output, limit ?? 1000, scaling)
        let ids = try ids.map { try OrderID(argument: $0) }
        let task = try task.map { try TaskName(argument: $0) }
        try await MillraceClient.with(options) { client in
            if scaling {
                try await client.plotScaling(task, orders: limit, to: output)
            } else if let task {
                try await client.plot(task, steps: limit, to: output)
            } else {
                try await client.plot(ids, to: output)
            }
        }
        Output.line(output)
    }
}

extension MillraceClient {
    func plot(_ ids: [OrderID], to path: String) async throws {
        var orders: [OrderUsageView] = []
        for id in ids { orders.append(try await usage(of: id, points: Plotting.points)) }
        var expected: [String: TaskUsageView] = [:]
        for name in Set(orders.first?.steps.map(\.task) ?? []) {
            expected[name] = try await usageIfKnown(of: TaskName(argument: name), limit: 500, samples: 0)
        }
        try await Plotting.draw(UsageFigure(orders, expecting: expected), to: path)
    }

    /// With some single steps as examples.
    func plot(_ task: TaskName, steps: Int, to path: String) async throws {
        let usage = try await usage(of: task, limit: steps, samples: 8)
        try await Plotting.draw(TaskFigure(usage), to: path)
    }

    /// - Parameter task: nil for all tasks.
    func plotScaling(_ task: TaskName?, orders limit: Int, to path: String) async throws {
        let history = ScalingHistory(try await orders(state: nil, limit: limit))
        var decisions: [String: [TaskUsageView.Decision]] = [:]
        for name in history.tasks where task.map({ $0.text == name }) ?? true {
            let usage = try await usageIfKnown(of: TaskName(argument: name), limit: 1, samples: 0)
            decisions[name] = usage?.decisions ?? []
        }
        guard !decisions.isEmpty else {
            throw Failure(.failed, "millrace: no order of the last \(limit) has a step of \(task?.text ?? "any task")")
        }
        try await Plotting.draw(ScalingFigure(history, decisions: decisions), to: path)
    }
}
