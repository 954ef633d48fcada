public import MillracePorts

/// What a suite needs of a bus under test.
public struct BusFixture: Sendable {
    /// The bus, and another handle of the same bus as another process would have it.
    public var bus: any MessageBus
    public var other: any MessageBus
    /// Lets a member of `other` die without leaving.
    public var kill: @Sendable (any GroupMember) async -> Void
    /// The lease of a member that is to die: short enough to be waited for.
    public var lease: Duration
    /// Ahead of every topic's name, so that several runs share a broker.
    public var prefix: String

    public init(
        bus: any MessageBus, other: any MessageBus, lease: Duration, prefix: String = "",
        kill: @escaping @Sendable (any GroupMember) async -> Void
    ) {
        self.bus = bus
        self.other = other
        self.lease = lease
        self.prefix = prefix
        self.kill = kill
    }

    func topic(_ name: String, partitions: Int = 1) async throws -> String {
        let topic = prefix + name
        try await bus.createTopic(topic, partitions: partitions, retention: .seconds(600))
        return topic
    }

    func membership(
        _ topic: String, _ name: String, _ sharing: Membership.Sharing = .shared, _ start: Membership.Start = .committed
    ) -> Membership {
        Membership(topic: topic, group: "g", name: name, sharing: sharing, start: start)
    }
}

/// The specification of ``MessageBus``: every adapter keeps all of these, or declares what it cannot do.
public enum BusConformance {
    public static let promises: [Promise<BusFixture>] = records + groups + exclusive + growth

    // MARK: Records

    static let records: [Promise<BusFixture>] = [
        Promise("records come back as they were sent, in order, NULL values and missing keys too") { fixture in
            let topic = try await fixture.topic("roundtrip", partitions: 2)
            let sent = [
                OutgoingRecord(topic: topic, partition: 1, key: "START", value: Array("{\"ä\":1}".utf8)),
                OutgoingRecord(
                    topic: topic, partition: 1, key: nil, value: nil,
                    headers: [Header("order", "o-1"), Header("order", "twice"), Header("traceparent", "")]),
                OutgoingRecord(topic: topic, partition: 1, key: "", value: []),
                OutgoingRecord(topic: topic, partition: 1, key: "BIG", value: .init(repeating: 7, count: 300_000)),
            ]
            let positions = try await fixture.bus.publish(sent)
            try expectEqual(positions.map(\.offset), [0, 1, 2, 3], "offsets")
            let reader = try await fixture.other.read(topic: topic, from: [0: 0, 1: 0])
            let found = try await reader.next(4)
            try expectEqual(found.map(\.key), sent.map(\.key), "keys")
            try expectEqual(found.map(\.value), sent.map(\.value), "values")
            try expectEqual(found.map(\.headers), sent.map(\.headers), "headers")
            try expectEqual(Set(found.map(\.partition)), [1], "partition")
            await reader.close()
        },
        Promise("an unknown topic or partition is an error, and nothing of the call is published") { fixture in
            let topic = try await fixture.topic("bounds", partitions: 1)
            try await expectCode(.unknownTopic) {
                try await fixture.bus.publish([.numbered(fixture.prefix + "none", 0, 0)])
            }
            try await expectCode(.unknownPartition) {
                try await fixture.bus.publish([.numbered(topic, 0, 0), .numbered(topic, 1, 1)])
            }
            try await expectCode(.unknownTopic) { _ = try await fixture.bus.describe(topic: fixture.prefix + "none") }
            try expectEqual(try await fixture.bus.describe(topic: topic).partitions.map(\.end), [0], "ends")
        },
        Promise("a record over the limit is refused, and others go on") { fixture in
            let topic = try await fixture.topic("large")
            try await expectCode(.tooLarge) {
                try await fixture.bus.publish([
                    OutgoingRecord(topic: topic, partition: 0, key: "K", value: .init(repeating: 0, count: 20 << 20))
                ])
            }
            try await fixture.bus.publish([.numbered(topic, 0, 1)])
            try expectEqual(try await fixture.bus.describe(topic: topic).partitions.map(\.end), [1], "ends")
        },
        Promise("sends of one caller keep their order, though none was awaited") { fixture in
            let topic = try await fixture.topic("pipelined")
            var receipts: [Receipt] = []
            for number in 0..<500 { receipts.append(try await fixture.bus.send([.numbered(topic, 0, number)])) }
            var offsets: [Int64] = []
            for receipt in receipts { offsets += try await receipt.positions().map(\.offset) }
            try expectEqual(offsets, Array(0..<500), "offsets")
            let reader = try await fixture.bus.read(topic: topic, from: [0: 0])
            try expectEqual(try await reader.next(500).map(\.number), Array(0..<500), "records")
            await reader.close()
        },
        Promise("a reader without a group waits for what comes, and starts anywhere") { fixture in
            let topic = try await fixture.topic("tail")
            try await fixture.bus.publish((0..<5).map { .numbered(topic, 0, $0) })
            let reader = try await fixture.other.read(topic: topic, from: [0: 3])
            try expectEqual(try await reader.next(limit: 1).map(\.number), [3], "no more than was asked for")
            try expectEqual(try await reader.next(1).map(\.number), [4], "the next one")
            async let waiting = reader.next(1)
            try await fixture.bus.publish([.numbered(topic, 0, 5)])
            try expectEqual(try await waiting.map(\.number), [5], "what came later")
            try await expectCode(.offsetOutOfRange) { _ = try await fixture.bus.read(topic: topic, from: [0: 7]) }
            await reader.close()
        },
        Promise("a cancelled wait ends, and loses nothing") { fixture in
            let topic = try await fixture.topic("cancel")
            let reader = try await fixture.bus.read(topic: topic, from: [0: 0])
            let waiting = Task { try await reader.next(limit: 1) }
            waiting.cancel()
            try expectEqual(try await waiting.value, [], "cancelled")
            let member = try await fixture.bus.join(fixture.membership(topic, "a"))
            try expectEqual(try await member.next(limit: 1), .assigned([0]), "assignment")
            let idle = Task { try await member.next(limit: 1) }
            idle.cancel()
            try expectEqual(try await idle.value, .idle, "cancelled")
            member.interrupt()
            try expectEqual(try await member.next(limit: 1), .idle, "interrupted")
            try await fixture.bus.publish([.numbered(topic, 0, 9)])
            try expectEqual(try await reader.next(1).map(\.number), [9], "the reader")
            try expectEqual(try await member.records(1).map(\.number), [9], "the member")
            await reader.close()
            await member.leave()
        },
    ]

    // MARK: Groups

    static let groups: [Promise<BusFixture>] = [
        Promise("what was committed is not read again, what was not is") { fixture in
            let topic = try await fixture.topic("commit")
            try await fixture.bus.publish((0..<6).map { .numbered(topic, 0, $0) })
            let first = try await fixture.bus.join(fixture.membership(topic, "a"))
            try expectEqual(try await first.records(4).map(\.number), [0, 1, 2, 3], "first")
            try await first.commit([0: 2])
            await first.leave()
            let second = try await fixture.other.join(fixture.membership(topic, "b"))
            try expectEqual(try await second.records(4).map(\.number), [2, 3, 4, 5], "second")
            await second.leave()
        },
        Promise("members share the partitions; each record goes to one of them") { fixture in
            let topic = try await fixture.topic("share", partitions: 4)
            let a = try await fixture.bus.join(fixture.membership(topic, "a"))
            try expectEqual(try await a.assignments(4), [0, 1, 2, 3], "alone")
            let b = try await fixture.other.join(fixture.membership(topic, "b"))
            let asked = try await a.untilReleasing()
            try expectEqual(asked.count, 2, "partitions to be released")
            try await a.release(asked)
            try expectEqual(try await b.assignments(2), asked, "what was released")
            try await fixture.bus.publish((0..<40).map { .numbered(topic, $0 % 4, $0) })
            let ofA = try await a.records(20)
            let ofB = try await b.records(20)
            try expectEqual((ofA + ofB).map(\.number).sorted(), Array(0..<40), "all records")
            try expectEqual(Set(ofB.map(\.partition)), asked, "partitions of b")
            await a.leave()
            try expectEqual(try await b.assignments(2), Set(0..<4).subtracting(asked), "what a left")
            await b.leave()
        },
        Promise("a partition moves only after its owner has released it, and then no record is missed or repeated") {
            fixture in
            let topic = try await fixture.topic("handover", partitions: 2)
            let a = try await fixture.bus.join(fixture.membership(topic, "a"))
            _ = try await a.assignments(2)
            try await fixture.bus.publish((0..<10).map { .numbered(topic, $0 % 2, $0) })
            let before = try await a.records(10)
            let b = try await fixture.other.join(fixture.membership(topic, "b"))
            let moving = try await a.untilReleasing()
            try await fixture.bus.publish((10..<20).map { .numbered(topic, $0 % 2, $0) })
            // What a has not released is a's, so it may still commit it.
            try await a.commit([0: 5, 1: 5])
            try await a.release(moving)
            let after = try await b.records(5) + (try await a.records(5))
            try expectEqual((before + after).map(\.number).sorted(), Array(0..<20), "records")
            await a.leave()
            await b.leave()
        },
        Promise("a member that died loses its partitions to the others; what it had not committed is read again") {
            fixture in
            let topic = try await fixture.topic("death", partitions: 2)
            var membership = fixture.membership(topic, "dying")
            membership.lease = fixture.lease
            let dying = try await fixture.other.join(membership)
            _ = try await dying.assignments(2)
            try await fixture.bus.publish((0..<4).map { .numbered(topic, 0, $0) })
            _ = try await dying.records(4)
            try await dying.commit([0: 1])
            let heir = try await fixture.bus.join(fixture.membership(topic, "heir"))
            await fixture.kill(dying)
            try expectEqual(try await heir.records(3).map(\.number), [1, 2, 3], "what was not committed")
            try await expectCode(.fenced) { try await dying.commit([0: 4]) }
            try expectEqual(
                try await fixture.bus.describe(group: "g", topic: topic).committed[0], 1, "a dead member's commit")
            await heir.leave()
        },
        Promise("a commit of a partition that is another's is fenced, and saves nothing") { fixture in
            let topic = try await fixture.topic("fence", partitions: 2)
            let a = try await fixture.bus.join(fixture.membership(topic, "a"))
            _ = try await a.assignments(2)
            let b = try await fixture.other.join(fixture.membership(topic, "b"))
            let moved = try await a.untilReleasing()
            try await a.release(moved)
            _ = try await b.assignments(1)
            try await fixture.bus.publish([.numbered(topic, 0, 0), .numbered(topic, 1, 1)])
            try await expectCode(.fenced) { try await a.commit([0: 1, 1: 1]) }
            try expectEqual(try await fixture.bus.describe(group: "g", topic: topic).committed, [:], "committed")
            await a.leave()
            await b.leave()
        },
        Promise("a group's lag is what was published and not committed") { fixture in
            let topic = try await fixture.topic("lag", partitions: 2)
            try await fixture.bus.publish((0..<10).map { .numbered(topic, $0 % 2, $0) })
            let member = try await fixture.bus.join(fixture.membership(topic, "a"))
            _ = try await member.records(10)
            try await member.commit([0: 5, 1: 2])
            let group = try await fixture.other.describe(group: "g", topic: topic)
            try expectEqual(group.lag(in: try await fixture.other.describe(topic: topic)), 3, "lag")
            try expectEqual(group.members.map(\.name), ["a"], "members")
            try expectEqual(group.members.first?.partitions, [0, 1], "partitions of a")
            await member.leave()
            let left = try await fixture.other.describe(group: "g", topic: topic)
            try expectEqual(left.members, [], "members after the leave")
            try expectEqual(left.committed, [0: 5, 1: 2], "committed after the leave")
        },
        Promise("a placeholder owns nothing, and nobody hears of it") { fixture in
            let topic = try await fixture.topic("place", partitions: 2)
            let place = try await fixture.other.holdPlace(inGroup: "g", topic: topic, name: "holder")
            let first = try await fixture.bus.join(fixture.membership(topic, "a"))
            _ = try await first.assignments(2)
            try await fixture.bus.publish((0..<4).map { .numbered(topic, $0 % 2, $0) })
            try expectEqual(try await first.records(4).map(\.number).sorted(), [0, 1, 2, 3], "records")
            try await first.commit([0: 2, 1: 2])
            let group = try await fixture.other.describe(group: "g", topic: topic)
            try expectEqual(group.members.map(\.name), ["a"], "members")
            try expectEqual(group.members.first?.partitions, [0, 1], "partitions of a")
            await first.leave()
            let left = try await fixture.other.describe(group: "g", topic: topic)
            try expectEqual(left.members, [], "members after the leave")
            try expectEqual(left.committed, [0: 2, 1: 2], "committed after the leave")
            let next = try await fixture.bus.join(fixture.membership(topic, "b"))
            _ = try await next.assignments(2)
            await place.leave()
            try await fixture.bus.publish([.numbered(topic, 0, 9)])
            try expectEqual(try await next.records(1).map(\.number), [9], "records after it has gone")
            await next.leave()
        },
        Promise("members join and leave fifty times, and nothing is lost or left behind") { fixture in
            let topic = try await fixture.topic("fifty", partitions: 3)
            for round in 0..<50 {
                let member = try await fixture.other.join(fixture.membership(topic, "m\(round)"))
                try await fixture.bus.publish([.numbered(topic, round % 3, round)])
                let records = try await member.records(1)
                try expectEqual(records.map(\.number), [round], "round \(round)")
                try await member.commit([records[0].partition: records[0].offset + 1])
                await member.leave()
            }
            try expectEqual(try await fixture.bus.describe(group: "g", topic: topic).members, [], "members")
        },
    ]

    // MARK: One active, the others standing by

    static let exclusive: [Promise<BusFixture>] = [
        Promise("an exclusive group has one active member; a stand-by takes over at once when it leaves") { fixture in
            let topic = try await fixture.topic("active", partitions: 3)
            let active = try await fixture.bus.join(fixture.membership(topic, "active", .exclusive))
            try expectEqual(try await active.assignments(3), [0, 1, 2], "the active member's")
            let standby = try await fixture.other.join(fixture.membership(topic, "standby", .exclusive))
            try await fixture.bus.publish((0..<3).map { .numbered(topic, $0, $0) })
            try expectEqual(try await active.records(3).map(\.number).sorted(), [0, 1, 2], "records")
            try await active.commit([0: 1, 1: 1])
            await active.leave()
            try expectEqual(try await standby.assignments(3), [0, 1, 2], "the stand-by's")
            try expectEqual(try await standby.records(1).map(\.number), [2], "what was not committed")
            await standby.leave()
        },
        Promise("a reader that keeps its own offsets reads from where it says, and is told if that is not there") {
            fixture in
            let topic = try await fixture.topic("kept", partitions: 2)
            try await fixture.bus.publish((0..<8).map { .numbered(topic, $0 % 2, $0) })
            let member = try await fixture.bus.join(fixture.membership(topic, "a", .exclusive, .kept))
            try expectEqual(try await member.assignments(2), [0, 1], "assignment")
            try await expectCode(.offsetOutOfRange) { try await member.seek([0: 1, 1: 99]) }
            try await member.seek([0: 3, 1: 2])
            try expectEqual(try await member.records(3).map(\.number).sorted(), [5, 6, 7], "records")
            await member.leave()
        },
    ]

    // MARK: Growth

    static let growth: [Promise<BusFixture>] = [
        Promise("a topic is made once, grows, and never shrinks") { fixture in
            guard fixture.bus.capabilities.contains(.growth) else { return }
            let topic = try await fixture.topic("grow", partitions: 2)
            try await fixture.bus.publish([.numbered(topic, 1, 1)])
            try await fixture.bus.createTopic(topic, partitions: 1, retention: .seconds(600))
            try await fixture.other.growTopic(topic, to: 5)
            try await fixture.other.growTopic(topic, to: 3)
            let description = try await fixture.bus.describe(topic: topic)
            try expectEqual(description.partitions.map(\.number), [0, 1, 2, 3, 4], "partitions")
            try expectEqual(description.partitions.map(\.end), [0, 1, 0, 0, 0], "ends")
            try await fixture.bus.publish([.numbered(topic, 4, 4)])
            try await expectCode(.unknownTopic) {
                try await fixture.bus.growTopic(fixture.prefix + "none", to: 2)
            }
        },
        Promise("a group takes a grown topic's partitions, and reads them from their beginning") { fixture in
            guard fixture.bus.capabilities.contains(.growth) else { return }
            let topic = try await fixture.topic("grown", partitions: 1)
            let member = try await fixture.bus.join(fixture.membership(topic, "a"))
            _ = try await member.assignments(1)
            try await fixture.other.growTopic(topic, to: 3)
            try await fixture.other.publish((0..<3).map { .numbered(topic, $0, $0) })
            try expectEqual(try await member.records(3).map(\.number).sorted(), [0, 1, 2], "records")
            await member.leave()
        },
    ]
}

// MARK: Helpers

private func expectCode(_ code: BusError.Code, _ body: () async throws -> Void) async throws {
    do {
        try await body()
    } catch let error as BusError {
        return try expectEqual(error.code, code, "the error’s code (\(error))")
    }
    throw Broken("expected the error \(code), but nothing was thrown")
}

extension OutgoingRecord {
    fileprivate static func numbered(_ topic: String, _ partition: Int, _ number: Int) -> OutgoingRecord {
        OutgoingRecord(topic: topic, partition: partition, key: "N", value: Array(String(number).utf8))
    }
}

extension BusRecord {
    fileprivate var number: Int { value.flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? -1 }
}

extension TopicReader {
    /// The next so many records.
    fileprivate func next(_ count: Int) async throws -> [BusRecord] {
        var records: [BusRecord] = []
        while records.count < count { records += try await next(limit: count - records.count) }
        return records
    }
}

extension GroupMember {
    /// The next so many records, passing over what else happens; releases what it is asked for.
    fileprivate func records(_ count: Int) async throws -> [BusRecord] {
        var records: [BusRecord] = []
        while records.count < count {
            switch try await next(limit: count - records.count) {
            case .records(let more): records += more
            case .releasing(let partitions): try await release(partitions)
            case .assigned, .lost, .idle: break
            }
        }
        return records
    }

    /// Waits until so many partitions have come.
    fileprivate func assignments(_ count: Int) async throws -> Set<Int> {
        var assigned: Set<Int> = []
        while assigned.count < count {
            if case .assigned(let partitions) = try await next(limit: 1) { assigned.formUnion(partitions) }
        }
        return assigned
    }

    fileprivate func untilReleasing() async throws -> Set<Int> {
        while true {
            if case .releasing(let partitions) = try await next(limit: 1) { return partitions }
        }
    }
}
