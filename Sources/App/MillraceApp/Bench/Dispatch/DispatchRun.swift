import MillraceCore
import MillracePorts
import Synchronization

/// One run of a load by one method: the bench is the sender, and members of one group are the replicas.
struct DispatchRun: Sendable {
    let bus: any MessageBus
    let topic: String
    let load: DispatchLoad
    let replicas: Int
    let partitions: Int

    private var endTopic: String { topic + "-ends" }

    /// - Returns: each step's seconds from its arrival to its start.
    func waits(_ method: DispatchMethod) async throws -> [Double] {
        try await bus.createTopic(topic, partitions: partitions, retention: .seconds(600))
        try await bus.createTopic(endTopic, partitions: 1, retention: .seconds(600))
        let reader = try await bus.read(topic: endTopic, from: [0: 0])
        var members: [any GroupMember] = []
        for index in 0..<replicas {
            members.append(try await bus.join(Membership(topic: topic, group: topic, name: "replica-\(index)")))
        }
        let times = StepTimes(count: load.arrivals.count)
        let waits = try await withThrowingTaskGroup(of: Void.self) { group in
            for member in members { group.addTask { try await work(member, times) } }
            let owners = try await settledOwners()
            let desk = DispatchDesk(DispatchPlan(method, owners: owners, partitions: partitions), topic)
            times.begin()
            try await withThrowingTaskGroup(of: Void.self) { sides in
                sides.addTask { try await send(desk, times) }
                sides.addTask { try await follow(reader, desk) }
                try await sides.waitForAll()
            }
            group.cancelAll()
            try await group.waitForAll()
            return times.waits(since: load.arrivals)
        }
        for member in members { await member.leave() }
        await reader.close()
        return waits
    }

    /// Waits until the members share all partitions.
    private func settledOwners() async throws -> [Set<Int>] {
        while true {
            let members = (try? await bus.describe(group: topic, topic: topic).members) ?? []
            let owners = members.map(\.partitions).filter { !$0.isEmpty }
            if owners.count == replicas, owners.reduce(0, { $0 + $1.count }) == partitions { return owners }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private func send(_ desk: DispatchDesk, _ times: StepTimes) async throws {
        for (index, arrival) in load.arrivals.enumerated() {
            try await Task.sleep(until: times.start + .seconds(arrival), tolerance: .zero, clock: .continuous)
            try await publish(desk.arrived(index))
        }
    }

    private func follow(_ reader: any TopicReader, _ desk: DispatchDesk) async throws {
        var ended = 0
        while ended < load.durations.count {
            let steps = try await reader.next(limit: 256).compactMap { StepTimes.index(in: $0.value) }
            if steps.isEmpty { throw CancellationError() }
            ended += steps.count
            try await publish(desk.ended(steps.map { ($0, .seconds(load.durations[$0])) }))
        }
    }

    private func publish(_ records: [OutgoingRecord]) async throws {
        if !records.isEmpty { try await bus.publish(records) }
    }

    /// A replica: one step at a time.
    private func work(_ member: any GroupMember, _ times: StepTimes) async throws {
        while !Task.isCancelled {
            switch try await member.next(limit: 1) {
            case .releasing(let partitions): try await member.release(partitions)
            case .records(let records):
                for record in records {
                    guard let step = StepTimes.index(in: record.value) else { continue }
                    times.started(step)
                    try await Task.sleep(for: .seconds(load.durations[step]), tolerance: .zero)
                    try await bus.publish([
                        OutgoingRecord(topic: endTopic, partition: 0, key: "END", value: record.value)
                    ])
                    try await member.commit([record.partition: record.offset + 1])
                }
            case .assigned, .idle: break
            case .lost: throw BusError(.fenced, "working on \(topic)")
            }
        }
    }
}

/// The sender: what waits for room, and what is outstanding.
private final class DispatchDesk: Sendable {
    private let state: Mutex<(plan: DispatchPlan, waiting: [Int])>
    private let topic: String

    init(_ plan: DispatchPlan, _ topic: String) {
        state = Mutex((plan, []))
        self.topic = topic
    }

    /// - Returns: what is to be sent now.
    func arrived(_ step: Int) -> [OutgoingRecord] {
        state.withLock { state in
            state.waiting.append(step)
            return sendable(&state)
        }
    }

    func ended(_ steps: [(index: Int, after: Duration)]) -> [OutgoingRecord] {
        state.withLock { state in
            for (index, duration) in steps {
                if let key = StepTimes.key(index) { state.plan.ended(key, after: duration) }
            }
            return sendable(&state)
        }
    }

    private func sendable(_ state: inout (plan: DispatchPlan, waiting: [Int])) -> [OutgoingRecord] {
        var records: [OutgoingRecord] = []
        for index in state.waiting {
            guard let key = StepTimes.key(index), let partition = state.plan.place(key) else { break }
            records.append(
                OutgoingRecord(topic: topic, partition: partition, key: "ORDER", value: Array(String(index).utf8)))
        }
        state.waiting.removeFirst(records.count)
        return records
    }
}

/// When the run began and when each step started.
private final class StepTimes: Sendable {
    private let state: Mutex<(start: ContinuousClock.Instant, starts: [ContinuousClock.Instant?])>

    init(count: Int) { state = Mutex((.now, Array(repeating: nil, count: count))) }

    func begin() { state.withLock { $0.start = .now } }

    var start: ContinuousClock.Instant { state.withLock { $0.start } }

    /// Only its first start counts.
    func started(_ step: Int) {
        state.withLock { if $0.starts[step] == nil { $0.starts[step] = .now } }
    }

    func waits(since arrivals: [Double]) -> [Double] {
        state.withLock { state in
            zip(state.starts, arrivals).compactMap { start, arrival in
                start.map { max(0, ($0 - state.start).inSeconds - arrival) }
            }
        }
    }

    static func key(_ index: Int) -> StepKey? { (try? OrderID("order-\(index)")).map { StepKey(order: $0, index: 0) } }

    static func index(in value: [UInt8]?) -> Int? { value.flatMap { Int(String(decoding: $0, as: UTF8.self)) } }
}
