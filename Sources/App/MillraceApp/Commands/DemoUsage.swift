import MillraceCore
import Platform

/// The demo's end: what each task used, as a table and as pictures.
struct DemoUsage {
    let client: MillraceClient
    let folder: String

    func show(_ orders: [OrderView], _ peaks: [String: Int]) async throws {
        let tasks = Set(orders.flatMap { $0.steps.map(\.task) }).sorted()
        var table = Table([
            ("task", .left), ("steps", .right), ("waited", .right), ("ran", .right), ("ran p95", .right),
            ("CPU", .right), ("CPU p95", .right), ("peak RAM", .right), ("read", .right), ("written", .right),
            ("most replicas", .right),
        ])
        for task in tasks {
            let usage = try await client.usage(of: TaskName(argument: task), limit: 10_000, samples: 0)
            func text(_ quantity: TaskUsage.Quantity, _ value: (Distribution) -> Double) -> String {
                usage.expected[quantity].map { quantity.text(value($0)) } ?? Wording.unknown
            }
            table.add([
                task, "\(usage.steps.count)", text(.waitingSeconds, \.median), text(.durationSeconds, \.median),
                text(.durationSeconds, \.p95), text(.cpuSeconds, \.median), text(.cpuSeconds, \.p95),
                text(.peakRAMBytes, \.median), text(.diskReadBytes, \.median), text(.diskWrittenBytes, \.median),
                "\(peaks[task] ?? 0)",
            ])
        }
        table.show()
        Output.line("(medians of a step, unless said otherwise)")
        do {
            for plot in try await plots(orders, tasks) { Output.line("plot: \(plot)") }
        } catch let failure as Failure {
            // Everything else has been done and shown.
            Output.line("no plots: \(failure.message)")
        }
    }

    /// The longest order, three laid over one another, the task that took most of the time, and the scaling of all.
    private func plots(_ orders: [OrderView], _ tasks: [String]) async throws -> [String] {
        let place = folder + "/plots"
        do throws(SystemError) { try Files.makeFolder(place) } catch { throw Failure(.failed, "millrace: \(error)") }
        let finished = orders.filter { $0.state == .finished }
        var paths: [String] = []
        func path(_ name: String) -> String {
            paths.append("\(place)/\(name)")
            return paths[paths.count - 1]
        }
        func ran(_ order: OrderView) -> Duration { order.steps.compactMap(\.took).reduce(.zero, +) }
        if let longest = finished.max(by: { ran($0) < ran($1) }) {
            try await client.plot([longest.id], to: path("order.svg"))
            try await client.plot(
                finished.filter { $0.steps.map(\.task) == longest.steps.map(\.task) }.prefix(3).map(\.id),
                to: path("orders.svg"))
        }
        let time = Dictionary(
            orders.flatMap { $0.steps.map { ($0.task, $0.took ?? .zero) } }, uniquingKeysWith: +)
        if let heaviest = time.max(by: { $0.value < $1.value }) {
            try await client.plot(TaskName(argument: heaviest.key), steps: 1000, to: path("task-\(heaviest.key).svg"))
        }
        try await client.plotScaling(nil, orders: 10_000, to: path("scaling.svg"))
        return paths
    }
}
