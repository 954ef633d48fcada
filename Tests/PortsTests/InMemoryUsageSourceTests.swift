import MillraceCore
import MillracePorts
import MillraceTesting
import Synchronization
import Testing

@Suite struct InMemoryUsageSourceTests {
    private static func target(_ pid: Int) -> MeteringTarget {
        MeteringTarget(node: "n", kind: .process(pid: pid, startTicks: 1))
    }

    @Test(
        "the in-memory source keeps the port's promises", .timeLimit(.minutes(1)),
        arguments: UsageSourceConformance.promises)
    func conforms(_ promise: Promise<UsageSourceFixture>) async throws {
        let living = Shared<Set<MeteringTarget>>([])
        let source = InMemoryUsageSource { target, uptime in
            guard living.value.withLock({ $0.contains(target) }) else { return .failure(.init(.gone, "it is gone")) }
            return .success(UsageReading(UsageCounters(cpu: .microseconds(uptime)), uptime: uptime))
        }
        let started = Shared(100)
        try await promise.check(
            UsageSourceFixture(source: source, period: .seconds(1), absent: [Self.target(1)]) {
                let pid = started.value.withLock { pid in
                    pid += 1
                    return pid
                }
                living.value.withLock { _ = $0.insert(Self.target(pid)) }
                return Self.target(pid)
            } end: { target in
                living.value.withLock { _ = $0.remove(target) }
            } tick: { runs in
                await source.tick(runs: runs)
            })
    }

    @Test("ticks that are left out stay on the grid")
    func missed() async throws {
        let source = InMemoryUsageSource(start: 5_000_000) { _, _ in .failure(.init(.unavailable, "not now")) }
        let dues = Shared<[Int64]>([])
        let task = Task {
            await source.run(every: .seconds(2)) {
                []
            } deliver: { tick in
                dues.value.withLock { $0.append(tick.due) }
            }
        }
        await source.tick()
        await source.tick(leavingOut: 3)
        await source.tick()
        task.cancel()
        await task.value
        #expect(dues.value.withLock(\.self) == [5_000_000, 13_000_000, 15_000_000])
    }
}

private final class Shared<Value: Sendable>: Sendable {
    let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }
}
