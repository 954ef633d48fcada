import ArgumentParser
import MillraceCore
import MillracePorts

/// More replicas while all are busy: whether anything is done twice, and how long the others stop.
struct BenchRescale: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rescale", abstract: "From 4 to 8 replicas under load.",
        discussion: """
            The bench takes monitor-system's place and asks for replicas; all else runs as always. pauseSeconds: the \
            longest time in which one of the first replicas ran no step, from the wish until every new one has run some \
            for two seconds; pauseBeforeSeconds: the same in the seconds before. allPauseSeconds: the longest time in which \
            none of them did. redone: steps that were begun more than once. readySeconds: from the wish to the last new \
            replica's first step.
            """)
    @Option(help: "replicas at first") var from = 4
    @Option(help: "replicas then") var to = 8
    @Option(help: "seconds of a step") var seconds = 0.02
    @Option(help: "times that it is done, each anew; the worst is told") var runs = 3
    @OptionGroup var options: BenchOptions

    func run() async throws {
        guard from >= 1, to > from, to <= 64, seconds >= 0, seconds <= 1, runs >= 1 else {
            throw ValidationError("--from must be at least 1, --to above that and at most 64, --seconds at most 1")
        }
        let yaml = """
            tasks:
              pause: { builtin: sleep, parameters: { seconds: \(seconds) }, scaling: { min: 0, max: \(to) } }
            """
        let (from, to, seconds) = (from, to, seconds)
        var found: [RescaleLog.Outcome] = []
        for _ in 0..<runs {
            found.append(
                try await BenchRig.run(yaml: yaml, options.flags, decides: false) { rig in
                    try await RescaleRun(rig: rig, from: from, to: to, seconds: seconds).run()
                })
        }
        var figures = Figures()
        func most(_ name: String, _ value: (RescaleLog.Outcome) -> Double) {
            figures.set(name, found.map(value).max() ?? 0)
        }
        figures.set("redone", found.map(\.redone).max() ?? 0)
        most("pauseSeconds", \.pause)
        most("pauseBeforeSeconds", \.pauseBefore)
        most("allPauseSeconds", \.allPause)
        most("readySeconds", \.ready)
        figures.set("steps", found.map(\.steps).min() ?? 0)
        figures.show(asJSON: options.output == .json)
    }
}

private struct RescaleRun: Sendable {
    let rig: BenchRig
    let from: Int
    let to: Int
    let seconds: Double

    func run() async throws -> RescaleLog.Outcome {
        let task = try TaskName("pause")
        let outbox = try await Outbox(bus: rig.bus)
        try await ask(from, number: 1, task, outbox)
        try await rig.waitForReplicas(from, of: [task])
        let follower = try await rig.follow()
        // More than can be done in the time, so that no replica is ever without work for the lack of it.
        let orders = max(200, Int(60 / (seconds + 0.001)) * to / 20)
        var all: [Order] = []
        for index in 0..<orders {
            let calls = Array(repeating: TaskCall(task), count: 20)
            all.append(Order(id: try OrderID("rescale-\(index)"), image: rig.image, tasks: calls))
        }
        try await rig.submit(all)
        var log = RescaleLog(replicas: to)
        var wish: Timestamp?
        while true {
            let records = try await follower.reader.next(limit: 1000)
            if records.isEmpty { throw CancellationError() }
            for record in records { take(record, &log) }
            if wish == nil, log.length >= .seconds(4) {
                wish = Adapters.now()
                try await ask(to, number: 2, task, outbox)
            }
            if let ready = log.allReady, let last = log.last, last - ready >= .seconds(2) { break }
        }
        await follower.reader.close()
        return log.outcome(wish: wish ?? Adapters.now(), first: from)
    }

    private func ask(_ replicas: Int, number: Int, _ task: TaskName, _ outbox: Outbox) async throws {
        let request = ServiceRequest(task: task, replicas: replicas, number: number, reason: "the bench says so")
        try await rig.bus.publish([outbox.record(.service(request), trace: nil)])
    }

    private func take(_ record: BusRecord, _ log: inout RescaleLog) {
        switch try? SystemMessage.decode(key: record.key, value: record.value) {
        case .stepStarted(let start): log.started(start.step, run: start.run, by: start.instance, at: start.at)
        case .stepEnded(let end): log.ended(by: end.report.instance, at: end.report.finishedAt)
        default: break
        }
    }
}
