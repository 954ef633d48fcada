public import MillraceCore
public import MillracePorts
import Synchronization

/// What a suite needs of a source under test.
public struct UsageSourceFixture: Sendable {
    public var source: any UsageSource
    public var period: Duration
    /// Brings something to life that can be read; ends it.
    public var start: @Sendable () async throws -> MeteringTarget
    public var end: @Sendable (MeteringTarget) async throws -> Void
    /// Targets that are not there.
    public var absent: [MeteringTarget]
    /// Makes the next tick of all runs come when so many are under way, where it does not come by itself.
    public var tick: @Sendable (_ runs: Int) async -> Void

    public init(
        source: any UsageSource, period: Duration, absent: [MeteringTarget],
        start: @escaping @Sendable () async throws -> MeteringTarget,
        end: @escaping @Sendable (MeteringTarget) async throws -> Void,
        tick: @escaping @Sendable (_ runs: Int) async -> Void = { _ in }
    ) {
        self.source = source
        self.period = period
        self.absent = absent
        self.start = start
        self.end = end
        self.tick = tick
    }

    /// Runs the source while `body` takes its ticks.
    fileprivate func run(
        _ targets: [MeteringTarget], runs: Int = 1, _ body: @escaping @Sendable (Ticks) async throws -> Void
    ) async throws {
        let ticks = Ticks(targets) { await tick(runs) }
        try await withThrowingTaskGroup { group in
            group.addTask {
                await source.run(every: period) {
                    ticks.wanted.withLock(\.self)
                } deliver: {
                    ticks.continuation.yield($0)
                }
                ticks.continuation.finish()
            }
            try await body(ticks)
            group.cancelAll()
        }
    }
}

/// The ticks of a run, and what it is told to read.
private final class Ticks: Sendable {
    let wanted: Mutex<[MeteringTarget]>
    let stream: AsyncStream<UsageTick>
    let continuation: AsyncStream<UsageTick>.Continuation
    private let tick: @Sendable () async -> Void

    init(_ targets: [MeteringTarget], tick: @escaping @Sendable () async -> Void) {
        wanted = Mutex(targets)
        (stream, continuation) = AsyncStream.makeStream()
        self.tick = tick
    }

    func next() async throws -> UsageTick {
        await tick()
        for await tick in stream { return tick }
        throw Broken("the source has ended")
    }

    /// The first tick that is as wished.
    func next(_ isWished: (UsageTick) -> Bool) async throws -> UsageTick {
        while true {
            let tick = try await next()
            if isWished(tick) { return tick }
        }
    }
}

extension UsageTick {
    fileprivate subscript(target: MeteringTarget) -> Result<UsageReading, UsageSourceError>? {
        readings.first { $0.target == target }?.reading
    }

    fileprivate func isGone(_ target: MeteringTarget) -> Bool {
        if case .failure(let error) = self[target] { error.code == .gone } else { false }
    }
}

/// The specification of ``UsageSource``.
public enum UsageSourceConformance {
    public static let promises: [Promise<UsageSourceFixture>] = [
        Promise("ticks come, each with a reading of each target, in the order of the targets") { fixture in
            let targets = [try await fixture.start(), try await fixture.start()]
            try await fixture.run(targets) { ticks in
                var last: [UsageReading] = []
                for _ in 0..<3 {
                    let tick = try await ticks.next()
                    try expectEqual(tick.readings.map(\.target), targets, "targets")
                    let readings = try tick.readings.map { try $0.reading.get() }
                    for reading in readings { try expect(reading.uptime >= tick.began, "it is from before its tick") }
                    for (before, now) in zip(last, readings) {
                        try expect(now.uptime > before.uptime, "the same moment twice")
                        try expect((now.counters.cpu ?? .zero) >= (before.counters.cpu ?? .zero), "CPU time fell")
                    }
                    last = readings
                }
            }
        },
        Promise("ticks are due on a grid, and none begins before it is due") { fixture in
            try await fixture.run([]) { ticks in
                let first = try await ticks.next()
                try expect(first.began >= first.due, "it began before it was due")
                var last = first.due
                for _ in 0..<4 {
                    let tick = try await ticks.next()
                    try expect(tick.due > last, "due twice")
                    try expectEqual((tick.due - first.due) % fixture.period.microseconds, 0, "off the grid by")
                    try expect(tick.began >= tick.due, "it began before it was due")
                    try expect(tick.readings.isEmpty, "something is read that nobody asked for")
                    last = tick.due
                }
            }
        },
        Promise("a target that is let go is not read any more, and can come back") { fixture in
            let (a, b) = (try await fixture.start(), try await fixture.start())
            try await fixture.run([a, b]) { ticks in
                _ = try await ticks.next { $0.readings.count == 2 }
                ticks.wanted.withLock { $0 = [b] }
                _ = try await ticks.next { $0.readings.count == 1 }
                let tick = try await ticks.next()
                try expectEqual(tick.readings.map(\.target), [b], "targets")
                ticks.wanted.withLock { $0 = [b, a] }
                let again = try await ticks.next { $0.readings.count == 2 }
                for reading in again.readings { _ = try reading.reading.get() }
            }
        },
        Promise("what is gone is told, with a reason, and the others go on") { fixture in
            let (a, b) = (try await fixture.start(), try await fixture.start())
            try await fixture.run([a] + fixture.absent + [b]) { ticks in
                let first = try await ticks.next()
                for target in fixture.absent { try expect(first.isGone(target), "\(target) is said to be there") }
                for target in [a, b] { _ = try first[target]?.get() }
                try await fixture.end(a)
                let tick = try await ticks.next { $0.isGone(a) }
                guard case .failure(let error) = tick[a] else { throw Broken("it is there") }
                try expect(!error.reason.isEmpty, "there is no reason")
                let next = try await ticks.next()
                try expect(next.isGone(a), "it is there again")
                _ = try next[b]?.get()
            }
        },
        Promise("cancelling ends it, and nothing is delivered afterwards") { fixture in
            let target = try await fixture.start()
            let delivered = Mutex(0)
            let source = fixture.source
            let period = fixture.period
            let (stream, continuation) = AsyncStream<Void>.makeStream()
            let task = Task {
                await source.run(every: period) {
                    [target]
                } deliver: { _ in
                    delivered.withLock { $0 += 1 }
                    continuation.yield()
                }
            }
            await fixture.tick(1)
            for await _ in stream { break }
            task.cancel()
            await task.value
            let count = delivered.withLock(\.self)
            // Another run's ticks say that time has passed.
            try await fixture.run([target]) { ticks in for _ in 0..<3 { _ = try await ticks.next() } }
            try expectEqual(delivered.withLock(\.self), count, "ticks afterwards")
        },
        Promise("two runs at once are apart from each other") { fixture in
            let (a, b) = (try await fixture.start(), try await fixture.start())
            try await fixture.run([a]) { ticks in
                _ = try await ticks.next()
                try await fixture.run([b], runs: 2) { others in
                    try expectEqual(try await others.next().readings.map(\.target), [b], "the other's targets")
                }
                try expectEqual(try await ticks.next().readings.map(\.target), [a], "the first one's targets")
            }
        },
    ]
}
