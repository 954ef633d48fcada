public import MillraceCore
internal import Synchronization

/// Readings that a closure gives, at ticks that come when they are told to: for tests of what uses a source.
public final class InMemoryUsageSource: UsageSource {
    /// What a target has counted at a moment, in microseconds since boot.
    public typealias Reader =
        @Sendable (_ target: MeteringTarget, _ uptime: Int64) -> Result<UsageReading, UsageSourceError>

    private struct Run {
        var grid: TickGrid
        var targets: @Sendable () -> [MeteringTarget]
        var deliver: @Sendable (UsageTick) -> Void
    }

    private struct State {
        var runs: [Int: Run] = [:]
        var started = 0
        /// Those who wait for so many runs to tick for.
        var waiting: [(runs: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let reader: Reader
    private let start: Int64
    private let state = Mutex(State())
    /// Held while ticks are delivered: they come one at a time, and none after a run has ended.
    private let ticking = Mutex(())

    /// - Parameter start: when a run's first tick is due, in microseconds since boot.
    public init(start: Int64 = 1_000_000_000, reader: @escaping Reader) {
        self.start = start
        self.reader = reader
    }

    // MARK: UsageSource

    public func run(
        every period: Duration, targets: @escaping @Sendable () -> [MeteringTarget],
        deliver: @escaping @Sendable (UsageTick) -> Void
    ) async {
        let (id, waiting) = state.withLock { state in
            state.started += 1
            let grid = TickGrid(first: start, period: period.microseconds)
            state.runs[state.started] = Run(grid: grid, targets: targets, deliver: deliver)
            let count = state.runs.count
            defer { state.waiting.removeAll { $0.runs <= count } }
            return (state.started, state.waiting.filter { $0.runs <= count })
        }
        for waiter in waiting { waiter.continuation.resume() }
        // Ends when the task is cancelled, and not before.
        let (stream, continuation) = AsyncStream<Never>.makeStream()
        for await _ in stream {}
        continuation.finish()
        ticking.withLock { _ in state.withLock { $0.runs[id] = nil } }
    }

    // MARK: For tests

    /// What the runs that are under way ask for now.
    public var targets: [MeteringTarget] { state.withLock { $0.runs.values.map(\.targets) }.flatMap { $0() } }

    /// Makes every run's next tick, and returns when it was delivered.
    /// - Parameters:
    ///   - runs: waits until so many are under way.
    ///   - missed: so many ticks are left out before it, as if the machine had been busy.
    public func tick(runs: Int = 1, leavingOut missed: Int = 0) async {
        await withCheckedContinuation { continuation in
            let areRunning = state.withLock { state in
                if state.runs.count < runs { state.waiting.append((runs, continuation)) }
                return state.runs.count >= runs
            }
            if areRunning { continuation.resume() }
        }
        ticking.withLock { _ in
            for id in state.withLock({ $0.runs.keys.sorted() }) { tick(id, leavingOut: missed) }
        }
    }

    private func tick(_ id: Int, leavingOut missed: Int) {
        let next = state.withLock { state -> (due: Int64, run: Run)? in
            guard var run = state.runs[id] else { return nil }
            if missed > 0 { run.grid.advance(now: run.grid.due + Int64(missed) * run.grid.period) }
            let due = run.grid.due
            run.grid.advance(now: due)
            state.runs[id] = run
            return (due, run)
        }
        guard let (due, run) = next else { return }
        let readings = run.targets().map { (target: $0, reading: reader($0, due)) }
        run.deliver(UsageTick(due: due, began: due, readings: readings))
    }
}
