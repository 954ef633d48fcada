import MillraceCore
import MillracePorts
import Synchronization

/// Holds an orchestrator's records back, and tells when it has committed some.
final class RouteGate: Sendable {
    /// The most records that an orchestrator takes at once.
    static let batch = 256

    struct State {
        var isOpen = true
        var isActive = false
        var committed: Int64 = 0
        fileprivate var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func close() { state.withLock { $0.isOpen = false } }

    /// Lets records through, and waits until they are committed up to an offset.
    /// - Returns: how long that took, in seconds.
    @discardableResult
    func open(until end: Int64) async throws -> Double {
        let start = ContinuousClock.now
        change { $0.isOpen = true }
        try await wait { $0.committed >= end }
        return (ContinuousClock.now - start).inSeconds
    }

    func waitUntilActive() async throws { try await wait { $0.isActive } }

    func passed() async { try? await wait { $0.isOpen } }
    func activated() { change { $0.isActive = true } }
    func committed(_ offset: Int64) { change { $0.committed = max($0.committed, offset) } }

    private func change(_ body: (inout State) -> Void) {
        let waiters = state.withLock { state in
            body(&state)
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// - Throws: `CancellationError`.
    private func wait(until holds: @Sendable (borrowing State) -> Bool) async throws {
        try await withTaskCancellationHandler {
            while state.withLock({ !holds($0) }) {
                try Task.checkCancellation()
                await withCheckedContinuation { continuation in
                    let mayGo = state.withLock { state in
                        if holds(state) || Task.isCancelled { return true }
                        state.waiters.append(continuation)
                        return false
                    }
                    if mayGo { continuation.resume() }
                }
            }
        } onCancel: {
            change { _ in }
        }
    }
}

/// A bus whose exclusive members wait at the gate with the records that they have taken.
struct GatedBus: MessageBus {
    let bus: any MessageBus
    let gate: RouteGate

    var capabilities: BusCapabilities { bus.capabilities }

    func createTopic(_ name: String, partitions: Int, retention: Duration) async throws(BusError) {
        try await bus.createTopic(name, partitions: partitions, retention: retention)
    }

    func growTopic(_ name: String, to partitions: Int) async throws(BusError) {
        try await bus.growTopic(name, to: partitions)
    }

    func topics() async throws(BusError) -> [TopicDescription] { try await bus.topics() }

    func describe(topic: String) async throws(BusError) -> TopicDescription { try await bus.describe(topic: topic) }

    func describe(group: String, topic: String) async throws(BusError) -> GroupDescription {
        try await bus.describe(group: group, topic: topic)
    }

    func send(_ records: [OutgoingRecord], urgency: Urgency) async throws(BusError) -> Receipt {
        try await bus.send(records, urgency: urgency)
    }

    func join(_ membership: Membership) async throws(BusError) -> any GroupMember {
        GatedMember(member: try await bus.join(membership), gate: gate)
    }

    func read(topic: String, from offsets: [Int: Int64]) async throws(BusError) -> any TopicReader {
        try await bus.read(topic: topic, from: offsets)
    }

    func close() async {}
}

private struct GatedMember: GroupMember {
    let member: any GroupMember
    let gate: RouteGate

    func next(limit: Int) async throws(BusError) -> MemberEvent {
        let event = try await member.next(limit: limit)
        switch event {
        case .records: await gate.passed()
        case .assigned: gate.activated()
        default: break
        }
        return event
    }

    func interrupt() { member.interrupt() }
    func seek(_ offsets: [Int: Int64]) async throws(BusError) { try await member.seek(offsets) }

    func commit(_ offsets: [Int: Int64]) async throws(BusError) {
        try await member.commit(offsets)
        gate.committed(offsets[0] ?? 0)
    }

    func release(_ partitions: Set<Int>) async throws(BusError) { try await member.release(partitions) }
    func leave() async { await member.leave() }
}
