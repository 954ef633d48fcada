import ArgumentParser
import Glibc
import MillraceCore
import MillracePorts
import Platform

/// A replica's start to its first step: from the moment the process is asked for.
struct BenchColdStart: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "coldstart", abstract: "From a worker's start to its first step.")
    @Option(help: "starts") var runs = 20
    @Option(help: "the built-in task of the worker: noop, sleep, resize, …") var task = "noop"
    @OptionGroup var options: BenchOptions

    func run() async throws {
        guard runs >= 1, BuiltinTasks.all.contains(task) else {
            throw ValidationError(
                "--runs must be at least 1, --task one of \(BuiltinTasks.all.joined(separator: ", "))")
        }
        // No replica until an order comes, and none left soon after: each order meets a cold task. The first step's
        // start is told by the worker; the replica's by the decision that asked for it.
        let yaml = """
            tasks:
              cold: { builtin: \(task), scaling: { min: 0, max: 1, idleTimeout: 0s } }
            """
        let runs = runs
        let (seconds, submitted) = try await BenchRig.run(yaml: yaml, options.flags) { rig in
            let cold = try TaskName("cold")
            var seconds: [Double] = []
            var submitted: [Double] = []
            for run in 0...runs {
                while true {
                    let group = try? await rig.bus.describe(group: cold.text, topic: cold.text)
                    let state = try await rig.store.tasks().first { $0.task == cold }
                    if group?.members.isEmpty == true, state?.desired == 0, state?.instance?.current == 0 { break }
                    try await Task.sleep(for: .milliseconds(20))
                }
                // A client of Kafka joins its group once a second at most: one that has just seen another leave is not
                // what a cold task has.
                try await Task.sleep(for: .milliseconds(1200))
                let follower = try await rig.follow()
                let order = Order(id: try OrderID("cold-\(run)"), image: rig.image, tasks: [TaskCall(cold)])
                let start = Adapters.now()
                try await rig.submit([order])
                var firstStep = start
                try await follower.each { message in
                    guard case .stepStarted(let started) = message else { return true }
                    firstStep = started.at
                    return false
                }
                await follower.reader.close()
                // The first one brings the executable into the page cache.
                guard run > 0 else { continue }
                let decided = try await rig.store.decisions(for: cold, limit: 10).first { $0.to == 1 }?.at ?? start
                seconds.append((firstStep - decided).inSeconds)
                submitted.append((firstStep - start).inSeconds)
            }
            return (seconds, submitted)
        }
        var figures = Figures()
        figures.set("seconds", percentiles: seconds)
        figures.set("fromSubmissionSeconds", percentiles: submitted)
        figures.show(asJSON: options.output == .json)
    }
}
