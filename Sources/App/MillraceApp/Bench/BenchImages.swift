import ArgumentParser
import MillraceCore
import MillracePorts
import Platform

/// Three steps on a large photograph: what a step takes of its replica.
struct BenchImages: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "images", abstract: "Resize to 400, blur, grayscale of a JPEG of 24 megapixels.",
        discussion: """
            Each step's duration and peak RAM are those of its run (medians over the orders); seconds is the sum of the \
            durations' medians. Without --image, a photograph of Examples/photos is enlarged to 6000 × 4000 first.
            """)
    @Option(help: "a photograph to take") var image: String?
    @Option(help: "orders, one after another") var runs = 11
    @OptionGroup var options: BenchOptions

    private static let chain = ["resize", "blur", "grayscale"]

    func run() async throws {
        guard (1...1000).contains(runs) else { throw ValidationError("--runs must be 1 to 1000") }
        let yaml = """
            tasks:
              enlarge: { builtin: resize, parameters: { width: 6000, height: 4000, fit: fill } }
              resize: { builtin: resize, parameters: { width: 400 }, scaling: { min: 1, max: 1 } }
              blur: { builtin: blur, scaling: { min: 1, max: 1 } }
              grayscale: { builtin: grayscale, scaling: { min: 1, max: 1 } }
            """
        let file = try image ?? DemoSample.folder(nil) + "/rocket.jpg"
        let (runs, enlarges) = (runs, image == nil)
        let steps = try await BenchRig.run(yaml: yaml, options.flags) { rig in
            let bytes = try Files.read(file)
            var image = try await rig.images.add(AsyncBytes(bytes)).0
            if enlarges {
                let ended = try await rig.finish("large", image, ["enlarge"])
                guard let output = ended[0].output else { throw Failure(.failed, "millrace: no output") }
                image = try await rig.images.add(AsyncBytes(Files.read(rig.images.path(of: output)))).0
            }
            try await rig.waitForReplicas(1, of: Self.chain.map { try TaskName($0) })
            var steps: [[StepProgress]] = []
            // The first order loads the library in each replica, and is not counted.
            for run in 0...runs {
                let ended = try await rig.finish("images-\(run)", image, Self.chain)
                if run > 0 { steps.append(ended) }
            }
            return steps
        }
        var figures = Figures()
        var sum = 0.0
        for (index, task) in Self.chain.enumerated() {
            func median(_ value: (StepProgress) -> Double?) -> Double {
                Distribution.quantile(0.5, of: steps.compactMap { value($0[index]) }.sorted())
            }
            let seconds = median { $0.totals.running?.inSeconds }
            sum += seconds
            figures.set(
                task,
                .object([
                    "seconds": .number(seconds),
                    "cpuSeconds": .number(median { $0.totals.cpu?.inSeconds }),
                    "peakRAMBytes": .integer(Wording.whole(median { $0.totals.peakRAM.map(Double.init) })),
                ]))
        }
        figures.set("seconds", sum)
        figures.show(asJSON: options.output == .json)
    }
}

extension BenchRig {
    /// Runs an order to its end.
    /// - Returns: its steps.
    fileprivate func finish(_ id: String, _ image: ImageReference, _ tasks: [String]) async throws -> [StepProgress] {
        let order = Order(
            id: try OrderID(id), image: image, tasks: try tasks.map { TaskCall(try TaskName($0)) })
        try await submit([order])
        while true {
            guard let progress = try await store.order(order.id)?.progress else {
                throw Failure(.failed, "millrace: the order \(id) is lost")
            }
            switch progress.state {
            case .accepted, .running: try await Task.sleep(for: .milliseconds(5))
            case .failed, .cancelled: throw Failure(.failed, "millrace: \(progress.reason ?? "the order failed")")
            case .finished: if progress.steps.allSatisfy({ $0.finishedAt != nil }) { return progress.steps }
            }
        }
    }
}
