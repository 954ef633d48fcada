import ArgumentParser
import Glibc
import MillraceCore
import MillracePorts
import Platform

/// Many running processes, some of them busy, metered by a monitor-resources of its own process.
struct BenchMetering: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metering", abstract: "What it costs to meter many processes, and how well it is done.",
        discussion: """
            cpuFraction: of one core, by monitor-resources. memoryBytes: its private memory beyond that before there was \
            anything to meter. storedFraction: of the processes' time, so much is covered by samples of CPU and DISK that \
            are stored. lateSeconds: of ticks, behind the \
            most punctual one. totalsErrorFraction: the stored samples' sums of CPU time against what wait4(2) says of \
            the busy processes, the largest of them.
            """)
    @Option(help: "running processes") var processes = 110
    @Option(help: "of them busy, the others asleep") var busy = 10
    @Option(help: "seconds to measure") var seconds = 30
    @OptionGroup var options: BenchOptions

    func run() async throws {
        guard (1...5000).contains(processes), (0...processes).contains(busy), (2...600).contains(seconds) else {
            throw ValidationError("--processes must be 1 to 5000, --busy at most that, --seconds 2 to 600")
        }
        let (processes, busy, seconds) = (processes, busy, seconds)
        let figures = try await BenchSite.with(options.flags, fixed: ["node": "bench"]) { site in
            let (adapters, settings) = (site.adapters, site.settings)
            let (bus, stores) = (try await adapters.bus(), try await adapters.stores())
            let bench = MeteringBench(settings: settings, bus: bus, stores: stores, seconds: seconds)
            let result = await Result<Figures, any Error>.catching {
                try await bench.run(
                    monitor: site.launch(["run", "monitor-resources"]), processes: processes, busy: busy)
            }
            await stores.close()
            await bus.close()
            return try result.get()
        }
        figures.show(asJSON: options.output == .json)
    }
}

/// The crowd, the monitor, and what is found in the store afterwards.
private struct MeteringBench: Sendable {
    let settings: Settings
    let bus: any MessageBus
    let stores: Stores
    let seconds: Int

    func run(monitor launch: Launch, processes: Int, busy: Int) async throws -> Figures {
        let monitor = BenchChild(launch)
        let pid = try await monitor.pid()
        let result = await Result<Figures, any Error>.catching { try await measure(pid, processes, busy) }
        _ = await monitor.end(killAfter: .seconds(20))
        return try result.get()
    }

    private func measure(_ monitor: Int, _ processes: Int, _ busy: Int) async throws -> Figures {
        try await Task.sleep(for: .seconds(3))
        let memory = OwnProcesses.memory(of: monitor)?.own ?? 0
        var crowd: [MeteredChild] = []
        let outbox = try await Outbox(bus: bus)
        for index in 0..<processes {
            crowd.append(try await MeteredChild(index, isBusy: index < busy, node: settings.node))
            // As they start: of a START that comes seconds late the beginning is not metered.
            if crowd.count % 10 == 0 { try await submit(crowd.suffix(10), outbox) }
        }
        let result = await Result<(cpu: Double, memory: Int), any Error>.catching {
            try await submit(crowd.suffix(crowd.count % 10), outbox)
            // The first ticks open what the others read.
            try await Task.sleep(for: settings.meteringPeriod * 3)
            let (before, start) = (OwnProcesses.cpuSeconds(of: monitor), ContinuousClock.now)
            try await Task.sleep(for: .seconds(seconds))
            guard let before, let after = OwnProcesses.cpuSeconds(of: monitor) else {
                throw Failure(.failed, "millrace: monitor-resources ended early")
            }
            let elapsed = (ContinuousClock.now - start).inSeconds
            return ((after - before) / elapsed, OwnProcesses.memory(of: monitor)?.own ?? 0)
        }
        var ends: [RunTotals] = []
        for child in crowd { ends.append(await child.end()) }
        let (cpu, memoryAfter) = try result.get()
        try await halt(crowd, ends, outbox)
        var figures = Figures()
        figures.set("cpuFraction", cpu)
        figures.set("memoryBytes", max(0, memoryAfter - memory))
        try await judge(crowd, ends, &figures, busy: busy)
        return figures
    }

    private func submit(_ crowd: ArraySlice<MeteredChild>, _ outbox: Outbox) async throws {
        guard let first = crowd.first else { return }
        let image = ImageReference.output(first.start.step, file: "none")
        _ = try await stores.orders.insert(
            crowd.map { child in
                NewOrder(
                    order: Order(id: child.start.step.order, image: image, tasks: [TaskCall(child.start.task)]),
                    contentHash: child.start.step.order.text, submittedAt: child.start.at)
            })
        try await bus.publish(crowd.map { outbox.record(.start($0.start), node: settings.node, trace: nil) })
    }

    /// Tells the ends, and waits until what comes of them is stored.
    private func halt(_ crowd: [MeteredChild], _ ends: [RunTotals], _ outbox: Outbox) async throws {
        try await bus.publish(
            zip(crowd, ends).map { child, totals in
                let halt = ResourceMessage.RunHalt(
                    step: child.start.step, run: child.start.run, totals: totals, at: Adapters.now())
                return outbox.record(.halt(halt), node: settings.node, trace: nil)
            })
        // The disk may be busy: what comes last is the last sample of each run.
        let deadline = ContinuousClock.now + .seconds(30)
        for (child, totals) in zip(crowd, ends) {
            while try await !isWhole(child, totals), ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    private func isWhole(_ child: MeteredChild, _ totals: RunTotals) async throws -> Bool {
        let series = try await stores.usage.usage(of: child.start.step.order)
        guard let last = series.first(where: { $0.resource == .cpu })?.points.last else { return false }
        return last.at >= child.start.at + (totals.running ?? .zero) + .milliseconds(-1)
    }

    private func judge(
        _ crowd: [MeteredChild], _ ends: [RunTotals], _ figures: inout Figures, busy: Int
    ) async throws {
        let period = settings.meteringPeriod.inSeconds
        var (stored, expected) = (0.0, 0.0)
        var moments: [Int: Double] = [:]
        var errors: [Double] = []
        for (index, (child, totals)) in zip(crowd, ends).enumerated() {
            let series = try await stores.usage.usage(of: child.start.step.order)
            for resource in [Resource.cpu, .disk] {
                let points = series.first { $0.resource == resource }?.points ?? []
                stored += points.reduce(0) { $0 + $1.seconds }
                expected += totals.running?.inSeconds ?? 0
                // Its last sample ends with the run, not with a tick.
                for point in points.dropLast() {
                    let uptime = Double(child.startUptime) * 1e-6 + (point.at - child.start.at).inSeconds
                    let tick = Int((uptime / period).rounded())
                    moments[tick] = min(moments[tick] ?? .infinity, uptime)
                }
            }
            if index < busy, let cpu = totals.cpu?.inSeconds, cpu > 0 {
                let sum = series.first { $0.resource == .cpu }?.points.reduce(0) { $0 + $1.value * $1.seconds } ?? 0
                errors.append(abs(sum - cpu) / cpu)
            }
        }
        figures.set("storedFraction", stored / max(1, expected))
        figures.set("lateSeconds", percentiles: Self.lateness(moments.values.sorted(), period))
        figures.set("totalsErrorFraction", errors.max() ?? 0)
        figures.set("processes", crowd.count)
    }

    /// How late each moment is on the grid of the period that the most punctual of them is on.
    private static func lateness(_ moments: [Double], _ period: Double) -> [Double] {
        guard let first = moments.first else { return [] }
        let phases = moments.map { $0 - first - (($0 - first) / period).rounded() * period }
        let anchor = phases.min() ?? 0
        return phases.map { $0 - anchor }
    }
}

/// A process of the crowd, as a run of a step of an order of its own.
private struct MeteredChild: Sendable {
    let child: BenchChild
    let start: ResourceMessage.RunStart
    let startUptime: Int64

    init(_ index: Int, isBusy: Bool, node: String) async throws {
        let command = isBusy ? ["/bin/sh", "-c", "while :; do :; done"] : ["/bin/sleep", "3600"]
        var launch = Launch(command: command, environment: ["PATH": "/usr/bin:/bin"])
        launch.isGuarded = true
        let (uptime, at) = (SystemClock.monotonicMicroseconds, Adapters.now())
        child = BenchChild(launch)
        let pid = try await child.pid()
        startUptime = uptime
        start = ResourceMessage.RunStart(
            step: StepKey(order: try OrderID("crowd-\(index)"), index: 0), task: try TaskName("crowd"),
            run: try RunID("run\(index)"),
            target: MeteringTarget(
                node: node, kind: .process(pid: pid, startTicks: ProcessIdentity.startTicks(of: pid) ?? 0)),
            at: at, uptime: uptime, counters: UsageCounters(cpu: .zero, diskRead: 0, diskWritten: 0))
    }

    /// Kills it, and says what it consumed.
    func end() async -> RunTotals {
        let exit = await child.end(killAfter: .zero)
        return RunTotals(
            cpu: exit?.cpu, diskRead: exit?.diskRead, diskWritten: exit?.diskWritten,
            running: .microseconds(SystemClock.monotonicMicroseconds - startUptime))
    }
}
