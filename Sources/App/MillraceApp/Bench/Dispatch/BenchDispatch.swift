import ArgumentParser
import MillraceCore
import MillracePorts

/// How long steps wait, by how it is chosen where they are sent.
struct BenchDispatch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dispatch", abstract: "How long steps wait, by how it is chosen where they are sent.",
        discussion: """
            The same steps, which arrive at the same moments, are sent over the bus to the members of one group by each \
            method in turn: the partition of the order's hash, the partition with the fewest outstanding, the owner with \
            the fewest, and, as Millrace does it, an owner with room or none yet. A step waits from its arrival to its \
            start; members sleep for as long as a step takes, and tell of its end over the bus.
            """)
    @Option(help: "members of the group") var replicas = 8
    @Option(help: "of the topic") var partitions = 16
    @Option(help: "steps for each method and seed") var steps = 2000
    @Option(help: "mean seconds of a step") var seconds = 0.05
    @Option(help: "standard deviation of the logarithm of a step's seconds") var sigma = 1.5
    @Option(help: "of the replicas' time, the share that the steps take") var load = 0.7
    @Option(help: "the first seed") var seed: UInt64 = 1
    @Option(help: "seeds, whose waiting times are taken together") var runs = 1
    @OptionGroup var options: BenchOptions

    func run() async throws {
        guard (1...64).contains(replicas), (replicas...1024).contains(partitions), (1...1_000_000).contains(steps),
            seconds > 0, sigma >= 0, load > 0, load < 1, (1...100).contains(runs)
        else {
            throw ValidationError(
                "--replicas must be 1 to 64, --partitions at least as many, --steps and --runs at least 1, "
                    + "--seconds above 0, --load between 0 and 1")
        }
        let (replicas, partitions, runs, seed, options) = (replicas, partitions, runs, seed, options)
        let loads = (0..<runs).map {
            DispatchLoad(
                steps: steps, mean: seconds, sigma: sigma, load: load, replicas: replicas, seed: seed &+ UInt64($0))
        }
        let figures = try await BenchSite.with(options.flags) { site in
            var figures = Figures()
            for method in DispatchMethod.allCases {
                var waits: [Double] = []
                for (index, load) in loads.enumerated() {
                    // A bus for each, so that a group of the run before does not go on in it.
                    let bus = try site.adapters.existingBus()
                    let run = DispatchRun(
                        bus: bus, topic: "\(method.rawValue.lowercased())-\(index)", load: load, replicas: replicas,
                        partitions: partitions)
                    waits += try await run.waits(method)
                    await bus.close()
                }
                figures.set(method.rawValue + "WaitSeconds", percentiles: waits, [50, 95, 99])
            }
            return figures
        }
        figures.show(asJSON: options.output == .json)
    }
}
