import Glibc
import MillraceCore
import MillracePorts
import Platform
import Synchronization

/// Runs a command and meters it with its whole tree of processes, as monitor-resources meters a step.
struct MeteredRunner: Sendable {
    var command: [String]
    var period: Duration
    var source: any UsageSource
    /// Whether its standard output goes where its standard error goes.
    var outputWithErrors = false

    struct Outcome: Sendable {
        var startedAt: Timestamp
        var status: ChildExit.Status
        /// Of all its processes that have ended.
        var totals: RunTotals
        var samples: [UsageSample]
        /// Descendants that its end has left behind, and that run on.
        var leftRunning: Int
    }

    /// - Parameter onStart: given what ends it by a signal.
    /// - Throws: `SystemError` when it cannot be started.
    func run(onStart: @escaping @Sendable (ChildProcess) -> Void) async throws -> Outcome {
        try Orphans.adopt()
        let run = try MeteredCommand(period: period)
        var launch = Launch(command: command, environment: Launch.ownEnvironment)
        launch.input = .inherited
        launch.output = outputWithErrors ? .withErrors : .inherited
        launch.hasOwnGroup = false
        launch.isMetered = true
        let child = ChildProcess(launch)
        let ticks = Task { [source, period] in
            await source.run(every: period) {
                run.targets
            } deliver: {
                run.take($0)
            }
        }
        let result = await NamedThread.run("child") {
            Result { () throws(SystemError) in
                try child.runBlocking(onStart: { pid in
                    run.start(Int(pid))
                    onStart(child)
                })
            }
        }
        ticks.cancel()
        await ticks.value
        return try run.end(try result.get())
    }
}

/// A command under way, as a run of a step.
private final class MeteredCommand: Sendable {
    private struct State {
        var monitor: ResourceMonitor
        var startedAt = Timestamp(microseconds: 0)
        var uptime: Int64 = 0
        var orphans: [ChildExit] = []
        var samples: [UsageSample] = []
    }

    private let state: Mutex<State>
    private let step: StepKey
    private let task: TaskName
    private let run: RunID

    init(period: Duration) throws {
        state = Mutex(State(monitor: ResourceMonitor(period: period)))
        step = StepKey(order: try OrderID("command"), index: 0)
        task = try TaskName("command")
        run = try RunID("0")
    }

    var targets: [MeteringTarget] { state.withLock { $0.monitor.targets } }

    /// A new process has counted nothing yet.
    func start(_ pid: Int) {
        let (uptime, now) = (SystemClock.monotonicMicroseconds, Adapters.now())
        let ticks = ProcessIdentity.startTicks(of: pid) ?? 0
        let start = ResourceMessage.RunStart(
            step: step, task: task, run: run,
            target: MeteringTarget(node: "", kind: .process(pid: pid, startTicks: ticks)), at: now, uptime: uptime,
            counters: UsageCounters(cpu: .zero, diskRead: 0, diskWritten: 0))
        state.withLock { state in
            state.uptime = uptime
            state.startedAt = now
            state.monitor.apply(.start(start), at: RecordPlace(partition: 0, offset: 0), uptime: uptime, now: now)
        }
    }

    func take(_ tick: UsageTick) {
        // What they consumed is in no living process any more.
        let orphans = Orphans.reap()
        state.withLock { state in
            state.orphans += orphans
            for (target, reading) in tick.readings {
                guard case .success(let reading) = reading else { continue }
                state.monitor.record(reading, of: target)
            }
            state.samples += state.monitor.takeSamples().samples
        }
    }

    func end(_ exit: ChildExit) throws -> MeteredRunner.Outcome {
        let orphans = Orphans.reap()
        return state.withLock { state in
            var totals = RunTotals(
                cpu: exit.cpu, peakRAM: exit.peakRAM, diskRead: exit.diskRead, diskWritten: exit.diskWritten)
            for orphan in state.orphans + orphans { totals.add(orphan) }
            totals.running = .microseconds(SystemClock.monotonicMicroseconds - state.uptime)
            let halt = ResourceMessage.RunHalt(step: step, run: run, totals: totals, at: Adapters.now())
            state.monitor.apply(
                .halt(halt), at: RecordPlace(partition: 0, offset: 1), uptime: SystemClock.monotonicMicroseconds,
                now: halt.at)
            state.samples += state.monitor.takeSamples().samples
            return MeteredRunner.Outcome(
                startedAt: state.startedAt, status: exit.status, totals: totals, samples: state.samples,
                leftRunning: OwnProcesses.members().count - 1)
        }
    }
}

extension RunTotals {
    fileprivate mutating func add(_ exit: ChildExit) {
        cpu = cpu.map { $0 + exit.cpu }
        peakRAM = [peakRAM, exit.peakRAM].compactMap(\.self).max()
        diskRead = diskRead.flatMap { read in exit.diskRead.map { read + $0 } }
        diskWritten = diskWritten.flatMap { written in exit.diskWritten.map { written + $0 } }
    }
}
