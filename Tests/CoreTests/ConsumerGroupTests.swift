import MillraceCore
import MillraceTesting
import Testing

@Suite struct ConsumerGroupTests {
    /// A strict model of the members: each knows what it was given, and no two ever hold one partition.
    @Test(
        "whatever members do, no partition has two readers, and all end up fairly spread",
        arguments: 0..<100 as Range<UInt64>)
    func random(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var group = ConsumerGroup(isExclusive: false)
        var held: [Int64: Set<Int>] = [:]
        var nextID: Int64 = 1
        var now = Timestamp(microseconds: 0)
        func check(_ what: String) {
            let all = held.values.flatMap { $0 }
            #expect(all.count == Set(all).count, "two readers after \(what), seed \(seed)")
        }
        func takeAll() {
            for id in held.keys.sorted() {
                let lost = held[id, default: []].subtracting(group.owned(by: id))
                held[id]?.subtract(lost)
                held[id]?.formUnion(group.take(id))
                check("taking")
            }
        }
        group.grow(to: Int.random(in: 1...9, using: &generator), now: now)
        for _ in 0..<60 {
            now = now + .seconds(1)
            switch Int.random(in: 0..<6, using: &generator) {
            case 0:
                group.join(.init(id: nextID, name: "m\(nextID)", leaseEnd: Timestamp(microseconds: .max)), now: now)
                held[nextID] = []
                nextID += 1
            case 1:
                guard let id = held.keys.sorted().randomElement(using: &generator) else { continue }
                held[id] = nil
                group.leave(id, now: now)
            case 2:
                guard let id = held.keys.sorted().randomElement(using: &generator) else { continue }
                let partitions = group.releasing(by: id)
                held[id]?.subtract(partitions)
                group.release(partitions, by: id)
            case 3: group.grow(to: group.holdings.count + 1, now: now)
            case 4:
                guard let id = held.keys.sorted().randomElement(using: &generator) else { continue }
                held[id] = nil
                group.expire(dead: [id], releaseTimeout: .seconds(1000), now: now)
            default: takeAll()
            }
            check("an event")
        }
        for _ in 0..<3 {
            for id in held.keys.sorted() {
                let partitions = group.releasing(by: id)
                held[id]?.subtract(partitions)
                group.release(partitions, by: id)
            }
            takeAll()
        }
        guard !held.isEmpty else { return }
        let counts = held.values.map(\.count)
        #expect(counts.reduce(0, +) == group.holdings.count, "unread partitions, seed \(seed)")
        #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1, "unfair: \(counts), seed \(seed)")
    }

    @Test("a member that joins moves no more partitions than its share")
    func fewMoves() {
        var group = ConsumerGroup(isExclusive: false)
        group.grow(to: 9, now: Timestamp(microseconds: 0))
        for id in 1...2 as ClosedRange<Int64> {
            group.join(
                .init(id: id, name: "", leaseEnd: Timestamp(microseconds: .max)), now: Timestamp(microseconds: 0))
            for other in 1...id { group.release(group.releasing(by: other), by: other) }
            for other in 1...id { _ = group.take(other) }
        }
        group.join(.init(id: 3, name: "", leaseEnd: Timestamp(microseconds: .max)), now: Timestamp(microseconds: 1))
        #expect(group.releasing(by: 1).count + group.releasing(by: 2).count == 3)
        #expect(group.takable(by: 3).isEmpty)
    }

    @Test("one that does not release in time loses the partition")
    func lateRelease() {
        var group = ConsumerGroup(isExclusive: true)
        let start = Timestamp(microseconds: 0)
        group.grow(to: 1, now: start)
        group.join(.init(id: 1, name: "", leaseEnd: Timestamp(microseconds: 5_000_000)), now: start)
        #expect(group.take(1) == [0])
        group.join(.init(id: 2, name: "", leaseEnd: Timestamp(microseconds: .max)), now: start)
        #expect(group.releasing(by: 1).isEmpty)
        group.expire(releaseTimeout: .seconds(60), now: start + .seconds(5))
        #expect(group.take(2) == [0])
    }
}

@Suite struct OffsetTrackerTests {
    @Test("what may be committed is below the oldest record that is not done", arguments: 0..<50 as Range<UInt64>)
    func model(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var tracker = OffsetTracker()
        var pending: Set<RecordPlace> = []
        var next: [Int: Int64] = [0: 5, 1: 0]
        var committed: [Int: Int64] = next
        for _ in 0..<5000 {
            if Bool.random(using: &generator) || pending.isEmpty {
                let partition = Int.random(in: 0...1, using: &generator)
                // Offsets may have gaps.
                let place = RecordPlace(
                    partition: partition,
                    offset: next[partition, default: 0] + Int64.random(in: 0...1, using: &generator))
                next[partition] = place.offset + 1
                tracker.take(place)
                pending.insert(place)
            } else if let place = pending.min(by: { ($0.offset, $0.partition) < ($1.offset, $1.partition) }) {
                let chosen = Bool.random(using: &generator) ? place : pending.randomElement(using: &generator) ?? place
                tracker.finish(chosen)
                pending.remove(chosen)
            }
            if Int.random(in: 0..<10, using: &generator) == 0 {
                for (partition, offset) in tracker.takeCommittable() {
                    #expect(offset >= committed[partition, default: 0], "seed \(seed)")
                    committed[partition] = offset
                    #expect(!pending.contains { $0.partition == partition && $0.offset < offset }, "seed \(seed)")
                }
            }
        }
        for place in pending { tracker.finish(place) }
        for (partition, offset) in tracker.takeCommittable() { committed[partition] = offset }
        #expect(committed == next, "seed \(seed)")
        #expect(tracker.pendingCount == 0)
    }
}
