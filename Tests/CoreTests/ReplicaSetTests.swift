@testable import MillraceCore
import Testing

@Suite struct ReplicaSetTests {
    private let settings = ReplicaSet.Settings(gracePeriod: .seconds(40))
    private let crash = ReplicaSet.End.failure(what: "exited with status 1", detail: "no such file")

    private func running(_ replicas: Int) -> ReplicaSet {
        var set = ReplicaSet(settings: settings)
        _ = set.scale(to: replicas, now: .zero)
        for id in 0..<replicas { set.ready(id) }
        return set
    }

    @Test func `a wish is carried out at once, and once`() {
        var set = ReplicaSet(settings: settings)
        #expect(set.scale(to: 2, now: .zero) == [.spawn(0), .spawn(1)])
        #expect(set.scale(to: 2, now: .zero) == [])
        #expect(set.summary == ReplicaSet.Summary(desired: 2, ready: 0, existing: 2, trouble: nil))
        set.ready(1)
        #expect(set.summary == ReplicaSet.Summary(desired: 2, ready: 1, existing: 2, trouble: nil))
        #expect(set.nextLook == nil)
    }

    @Test func `what is not ready goes first, then idle ones, the newest among equals`() {
        var set = running(5)
        set.mark(4, idle: false)
        set.mark(2, idle: false)
        set.mark(2, idle: true)
        set.mark(0, idle: false)
        #expect(set.scale(to: 6, now: .zero) == [.spawn(5)])
        #expect(
            (0..<6).reversed().map { set.scale(to: $0, now: .zero) } == [5, 3, 2, 1, 4, 0].map { [.terminate($0)] })
    }

    @Test func `a replica is killed after its grace period, once, and not before`() {
        var set = running(1)
        #expect(set.scale(to: 0, now: .seconds(1)) == [.terminate(0)])
        #expect(set.nextLook == .seconds(41))
        #expect(set.tick(now: .seconds(41) - .nanoseconds(1)) == [])
        #expect(set.tick(now: .seconds(41)) == [.kill(0)])
        #expect(set.tick(now: .seconds(100)) == [])
        #expect(set.summary.existing == 1)
        #expect(set.ended(0, crash, now: .seconds(100)) == [])
        #expect(set.summary == ReplicaSet.Summary(desired: 0, ready: 0, existing: 0, trouble: nil))
    }

    @Test func `scaling up while some stop starts new ones`() {
        var set = running(2)
        _ = set.scale(to: 0, now: .zero)
        #expect(set.scale(to: 1, now: .zero) == [.spawn(2)])
        #expect(set.summary.existing == 3)
        #expect(set.ended(0, .success, now: .zero) == [])
        #expect(set.ended(1, .success, now: .zero) == [])
        #expect(set.summary == ReplicaSet.Summary(desired: 1, ready: 0, existing: 1, trouble: nil))
    }

    @Test func `each failure doubles the delay up to ten seconds`() {
        var set = ReplicaSet(settings: settings)
        _ = set.scale(to: 1, now: .zero)
        var now = Duration.zero
        for (id, milliseconds) in [100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000].enumerated() {
            #expect(set.ended(id, crash, now: now) == [])
            let next = now + .milliseconds(milliseconds)
            #expect(set.nextLook == next)
            #expect(set.tick(now: next - .nanoseconds(1)) == [])
            #expect(set.tick(now: next) == [.spawn(id + 1)])
            now = next
        }
    }

    @Test func `ten seconds of life make up for all failures`() {
        var set = ReplicaSet(settings: settings)
        _ = set.scale(to: 1, now: .zero)
        _ = set.ended(0, crash, now: .zero)
        _ = set.tick(now: .milliseconds(100))
        _ = set.ended(1, crash, now: .milliseconds(100))
        _ = set.tick(now: .milliseconds(300))
        #expect(set.nextLook == .milliseconds(10_300))
        #expect(set.ended(2, crash, now: .milliseconds(10_300)) == [])
        #expect(set.nextLook == .milliseconds(10_400))
        #expect(set.summary.trouble?.failures == 1)
    }

    @Test func `one that always crashes does not delay the others`() {
        var set = running(2)
        for id in [1, 2, 3] {
            _ = set.ended(id, crash, now: set.nextLook ?? .zero)
            _ = set.tick(now: set.nextLook ?? .zero)
        }
        #expect(set.ended(0, crash, now: .seconds(2)) == [])
        #expect(set.nextLook == .milliseconds(2100))
    }

    @Test func `an exit with status 0 is no failure, but no reason to spin`() {
        var set = running(1)
        #expect(set.ended(0, .success, now: .seconds(5)) == [.spawn(1)])
        #expect(set.summary.trouble == nil)
        #expect(set.ended(1, .success, now: .seconds(5)) == [])
        #expect(set.tick(now: .milliseconds(5100)) == [.spawn(2)])
    }

    @Test func `a wish that waits for its next try is dropped first`() {
        var set = running(2)
        _ = set.ended(0, crash, now: .zero)
        #expect(set.scale(to: 1, now: .zero) == [])
        #expect(set.nextLook == nil)
        #expect(set.summary == ReplicaSet.Summary(desired: 1, ready: 1, existing: 1, trouble: nil))
    }

    @Test func `the problem says what, how often, and when it is tried again`() {
        var set = ReplicaSet(settings: settings)
        _ = set.scale(to: 1, now: .zero)
        _ = set.ended(0, crash, now: .zero)
        #expect(
            set.summary.trouble?.description(now: .zero)
                == "exited with status 1: no such file; next try in 0.1 s")
        _ = set.tick(now: .milliseconds(100))
        _ = set.ended(1, crash, now: .milliseconds(100))
        _ = set.tick(now: .milliseconds(300))
        _ = set.ended(2, .failure(what: "was ended by SIGSEGV", detail: nil), now: .milliseconds(300))
        #expect(
            set.summary.trouble?.description(now: .milliseconds(310))
                == "was ended by SIGSEGV three times in a row; next try in 0.4 s")
        _ = set.tick(now: .milliseconds(700))
        #expect(
            set.summary.trouble?.description(now: .seconds(1))
                == "was ended by SIGSEGV three times in a row; trying again")
        set.ready(3)
        #expect(set.summary.trouble == nil)
    }

    @Test func `killing all leaves nothing to wait for but their ends`() {
        var set = running(2)
        _ = set.scale(to: 1, now: .zero)
        #expect(set.killAll(now: .seconds(1)) == [.terminate(0), .kill(0), .kill(1)])
        #expect(set.killAll(now: .seconds(2)) == [])
        #expect(set.nextLook == nil)
        #expect(set.desired == 0)
    }

    @Test func `events of replicas that are gone change nothing`() {
        var set = running(1)
        let before = set
        set.ready(7)
        set.mark(7, idle: false)
        #expect(set.ended(7, crash, now: .zero) == [])
        #expect(set == before)
    }

    @Test("random schedules drive a strict model of processes", arguments: 0..<200)
    func random(_ seed: Int) throws {
        var model = ReplicaModel(seed: UInt64(seed))
        for _ in 0..<300 { try model.step() }
        try model.settle()
    }
}
