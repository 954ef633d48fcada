import ArgumentParser
import CBench
import Glibc
import Logging
import MillraceCore
import MillracePorts
import Orchestrator
import Platform
import ServiceLifecycle

/// What the orchestrator gets through, against the least that librdkafka has to do.
struct BenchRoute: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "route", abstract: "Messages a second through the orchestrator alone.",
        discussion: """
            Orders of five steps: START, and PROGRESS of each step. The orchestrator has joined when they are published, \
            and is held back until all of them are there; then the time runs until it has committed them. On Kafka, a \
            loop in C on librdkafka alone does the same with the same records in the same run: it takes up to 256, sends \
            each on as it is, awaits the acknowledgements and commits behind them, with as many batches under way \
            (bareMessagesPerSecond), or with one, which it awaits before it takes the next (bareOneBatchMessagesPerSecond).
            """)
    @Option(help: "orders of each run, of six messages each") var orders = 20_000
    @Option(help: "runs of each, in turn; the medians are told") var runs = 3
    @OptionGroup var options: BenchOptions

    func run() async throws {
        guard (1...200_000).contains(orders), runs >= 1 else {
            throw ValidationError("--orders must be 1 to 200000, --runs at least 1")
        }
        let (orders, runs) = (orders, runs)
        let figures = try await BenchSite.with(options.flags) { site in
            let bus = try await site.adapters.bus()
            let bench = RouteBench(site: site, bus: bus, load: try RouteLoad(), orders: orders, runs: runs)
            let result = await Result<Figures, any Error>.catching { try await bench.run() }
            await bus.close()
            return try result.get()
        }
        figures.show(asJSON: options.output == .json)
    }
}

private struct RouteBench: Sendable {
    let site: BenchSite
    let bus: any MessageBus
    let load: RouteLoad
    let orders: Int
    let runs: Int

    func run() async throws -> Figures {
        let gate = RouteGate()
        let orchestrator = OrchestratorService(
            settings: OrchestratorSettings(
                tasks: load.tasks, instance: "orchestrator", taskPartitions: RouteLoad.owners, now: Adapters.now),
            bus: GatedBus(bus: bus, gate: gate), fleet: InMemoryFleet(tasks: Set(load.tasks)),
            logger: site.adapters.logger)
        let bare = site.settings.bus == .kafka ? try await openBare() : nil
        let figures = try await withThrowingTaskGroup(of: Figures?.self) { group in
            group.addTask {
                try await orchestrator.run()
                return nil
            }
            group.addTask { try await measure(gate, bare) }
            let first = try await group.next() ?? nil
            group.cancelAll()
            return first
        }
        if let bare { await bare.close() }
        guard let figures else { throw Failure(.failed, "millrace: the orchestrator ended early") }
        return figures
    }

    private func openBare() async throws -> BareRoute {
        try await bus.createTopic("bare-from", partitions: 1, retention: .seconds(600))
        try await bus.createTopic("bare-to", partitions: RouteLoad.owners, retention: .seconds(600))
        return try await BareRoute.open(site.settings)
    }

    private func measure(_ gate: RouteGate, _ bare: BareRoute?) async throws -> Figures {
        let outbox = try await Outbox(bus: bus)
        try await warmUp(outbox, gate)
        var routed: [Double] = []
        var straight: [Double] = []
        var oneBatch: [Double] = []
        for run in 0..<runs {
            let records = try load.messages(orders: orders, name: "run-\(run)").map { outbox.record($0, trace: nil) }
            gate.close()
            let end = try await publish(records)
            routed.append(Double(records.count) / (try await gate.open(until: end)))
            guard let bare else { continue }
            let same = records.map { OutgoingRecord(topic: "bare-from", partition: 0, key: $0.key, value: $0.value) }
            try await publish(same)
            straight.append(Double(same.count) / (try await bare.run(same.count, window: 64)))
            try await publish(same)
            oneBatch.append(Double(same.count) / (try await bare.run(same.count, window: 1)))
        }
        var figures = Figures()
        figures.set("messagesPerSecond", medianOf: routed)
        guard bare != nil else { return figures }
        figures.set("bareMessagesPerSecond", medianOf: straight)
        figures.set("bareOneBatchMessagesPerSecond", medianOf: oneBatch)
        figures.set("ratio", medianOf: zip(routed, straight).map { $0 / $1 })
        figures.set("ratioToOneBatch", medianOf: zip(routed, oneBatch).map { $0 / $1 })
        return figures
    }

    /// Who owns the tasks' partitions, and orders enough to know that steps are short.
    private func warmUp(_ outbox: Outbox, _ gate: RouteGate) async throws {
        try await gate.waitUntilActive()
        let messages = load.owners() + (try load.messages(orders: 64, name: "warm", wave: 4))
        let end = try await publish(messages.map { outbox.record($0, trace: nil) })
        try await gate.open(until: end)
    }

    /// - Returns: the offset behind the last of them.
    @discardableResult
    private func publish(_ records: [OutgoingRecord]) async throws -> Int64 {
        var last: Int64 = 0
        for start in stride(from: 0, to: records.count, by: 4096) {
            let positions = try await bus.publish(Array(records[start..<min(start + 4096, records.count)]))
            last = positions.map(\.offset).max() ?? last
        }
        return last + 1
    }
}

/// The loop in C.
private struct BareRoute: Sendable {
    /// Only one call is made at a time.
    private let route: Handle

    /// A pointer that may go from thread to thread: librdkafka's handles may be used on any.
    private struct Handle: @unchecked Sendable { let pointer: OpaquePointer }

    static func open(_ settings: Settings) async throws -> BareRoute {
        let opened = await NamedThread.run("bench-bare") { () -> Result<Handle, Failure> in
            let prefix = settings.kafkaTopicPrefix
            let texts = settings.kafkaProperties.flatMap { [$0.key, $0.value] }
            let words: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) }
            defer { for word in words { free(word) } }
            var problem = [CChar](repeating: 0, count: 512)
            let properties: [UnsafePointer<CChar>?] = words.map { UnsafePointer($0) } + [nil]
            let pointer = bench_route_open(
                settings.kafkaBootstrapServers, prefix + "bare-from", prefix + "bare", prefix + "bare-to",
                Int32(RouteLoad.owners), properties, &problem, problem.count)
            guard let pointer else {
                let text = String(decoding: problem.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
                return .failure(Failure(.unreachable, "millrace: the loop in C: \(text)"))
            }
            return .success(Handle(pointer: pointer))
        }
        return BareRoute(route: try opened.get())
    }

    /// - Returns: seconds.
    func run(_ count: Int, window: Int) async throws -> Double {
        let seconds = await NamedThread.run("bench-bare") {
            bench_route_run(route.pointer, count, Int32(RouteGate.batch), Int32(window))
        }
        guard seconds > 0 else { throw Failure(.failed, "millrace: the loop in C failed") }
        return seconds
    }

    func close() async { await NamedThread.run("bench-bare") { bench_route_close(route.pointer) } }
}
