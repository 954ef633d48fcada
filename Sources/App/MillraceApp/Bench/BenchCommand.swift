import ArgumentParser
import MillraceCore
import MillracePorts

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measures this Millrace on this machine.",
        subcommands: [
            BenchSteps.self, BenchThroughput.self, BenchIngest.self, BenchColdStart.self, BenchIdle.self,
            BenchHop.self, BenchMetering.self, BenchImages.self, BenchDispatch.self, BenchRows.self, BenchRoute.self,
            BenchRescale.self,
        ])
}

struct BenchOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: "text or json") var output: OutputFormat = .text
    @OptionGroup var flags: SettingFlags
}

enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json, csv
}

/// One order of many steps, one worker: what a step costs beyond its work.
struct BenchSteps: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "steps", abstract: "One order of 40 steps of 10 ms, one worker.")
    @Option(help: "steps of the order, 1 to 64") var steps = 40
    @Option(help: "seconds that a step takes") var seconds = 0.01
    @Option(help: "orders, one after another; the median one is told") var runs = 5
    @OptionGroup var options: BenchOptions

    func run() async throws {
        guard (1...Order.maximumTasks).contains(steps), runs >= 1 else {
            throw ValidationError("--steps must be 1 to \(Order.maximumTasks), --runs at least 1")
        }
        let yaml = """
            tasks:
              pause: { builtin: sleep, parameters: { seconds: \(seconds) }, scaling: { min: 1, max: 1 } }
            """
        let (steps, runs) = (steps, runs)
        let results = try await BenchRig.run(yaml: yaml, options.flags) { rig in
            let task = try TaskName("pause")
            try await rig.waitForReplicas(1, of: [task])
            var results: [(total: Double, overheads: [Double])] = []
            // The first order warms up and is not counted.
            for run in 0...runs {
                let order = Order(
                    id: try OrderID("steps-\(run)"), image: rig.image,
                    tasks: Array(repeating: TaskCall(task), count: steps))
                let follower = try await rig.follow()
                let start = Adapters.now()
                try await rig.submit([order])
                var ends: [Timestamp] = [start]
                try await follower.each { message in
                    guard case .stepEnded(let end) = message else { return true }
                    ends.append(end.report.finishedAt)
                    return ends.count <= steps
                }
                await follower.reader.close()
                guard run > 0 else { continue }
                let gaps = zip(ends.dropFirst(), ends).map { ($0 - $1).inSeconds }
                results.append((gaps.reduce(0, +), gaps))
            }
            return results
        }
        var figures = Figures()
        figures.set("totalSeconds", Distribution.quantile(0.5, of: results.map(\.total).sorted()))
        figures.set("overheadSeconds", percentiles: results.flatMap(\.overheads).map { $0 - seconds })
        figures.show(asJSON: options.output == .json)
    }
}

/// Steps that do nothing, many orders, every service.
struct BenchThroughput: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "throughput", abstract: "No-op steps through the whole path, all services.")
    @Option(help: "orders") var orders = 10_000
    @Option(help: "steps of each, each of a task of its own") var steps = 5
    @OptionGroup var options: BenchOptions

    func run() async throws {
        guard (1...Order.maximumTasks).contains(steps), orders >= 1 else {
            throw ValidationError("--steps must be 1 to \(Order.maximumTasks), --orders at least 1")
        }
        let names = (0..<steps).map { "noop\($0)" }
        let yaml = "tasks:\n" + names.map { "  \($0): { builtin: noop, scaling: { min: 1, max: 1 } }\n" }.joined()
        let (steps, orders) = (steps, orders)
        let (seconds, cpu) = try await BenchRig.run(yaml: yaml, options.flags) { rig in
            var tasks: [TaskName] = []
            for name in names { tasks.append(try TaskName(name)) }
            try await rig.waitForReplicas(1, of: tasks)
            var all: [Order] = []
            for index in 0..<orders {
                all.append(
                    Order(id: try OrderID("order-\(index)"), image: rig.image, tasks: tasks.map { TaskCall($0) }))
            }
            let before = OwnProcesses.cpuSeconds()
            let start = ContinuousClock.now
            try await rig.submit(all)
            // Done when the store knows it, which is when a user would be told.
            for state in [OrderState.accepted, .running] {
                while try await !rig.store.orders(state: state, limit: 1, after: nil).isEmpty {
                    try await Task.sleep(for: .milliseconds(5))
                }
            }
            return ((ContinuousClock.now - start).inSeconds, OwnProcesses.cpuSeconds() - before)
        }
        var figures = Figures()
        figures.set("stepsPerSecond", Double(orders * steps) / seconds)
        figures.set("cpuSecondsPerThousandSteps", cpu / Double(orders * steps) * 1000)
        figures.show(asJSON: options.output == .json)
    }
}
