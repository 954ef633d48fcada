import Logging
import MillraceCore
import MillracePorts
import ServiceSupport
import Synchronization

/// A monitor's time as the active member: it loads what the store has, then follows the system topic.
struct Monitoring {
    let service: MonitorSystemService
    let outbox: Outbox
    let member: any GroupMember
    let stop: StopSignal

    /// Records taken at once: they share one transaction of the store.
    static let batch = 1024

    func run() async throws {
        let alarm = Alarm(now: service.settings.now, sleep: service.settings.sleep)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await alarm.run { member.interrupt() } }
            try await follow(alarm)
            group.cancelAll()
        }
    }

    private func follow(_ alarm: Alarm) async throws {
        var monitor = SystemMonitor(settings: service.settings.scaling)
        /// The next offset to be read, as the store has it; nil while standing by.
        var offsets: [Int: Int64]?
        while !stop.isRaised, !Task.isCancelled {
            switch try await member.next(limit: Self.batch) {
            case .assigned(let partitions):
                guard offsets == nil else { throw BusError(.unavailable, "monitoring", cause: "the topic has grown") }
                (monitor, offsets) = try await take(over: partitions)
            case .releasing(let partitions):
                try await member.release(partitions)
                offsets = nil
            case .lost:
                throw BusError(.fenced, "monitoring", cause: "another monitor-system has taken over")
            case .records(let records):
                guard let before = offsets else { break }
                try await feed(records, to: &monitor)
                var after = before
                for record in records { after[record.partition] = record.offset + 1 }
                try await decide(&monitor, before: before, after: after)
                offsets = after
            case .idle:
                if let offsets { try await decide(&monitor, before: offsets, after: offsets) }
            }
            if offsets != nil, let next = monitor.nextLook(now: service.settings.now()) { alarm.set(next) }
        }
    }

    /// Loads what the store has and begins there. A saved offset that the bus does not have, since it was made anew,
    /// is passed over: what the bus has is read again, and changes nothing that is known.
    private func take(over partitions: Set<Int>) async throws -> (SystemMonitor, [Int: Int64]) {
        let snapshot = try await service.store.loadMonitor()
        var monitor = SystemMonitor(settings: service.settings.scaling)
        monitor.restore(orders: snapshot.orders, scalers: snapshot.tasks)
        let topic = try await service.bus.describe(topic: Topic.system)
        var seek: [Int: Int64] = [:]
        for partition in topic.partitions where partitions.contains(partition.number) {
            seek[partition.number] = partition.place(
                ofSaved: snapshot.offsets[partition.number], in: topic, service.logger)
        }
        try await member.seek(seek)
        // What the store has differs from where reading begins only where the bus was made anew.
        try await decide(&monitor, before: snapshot.offsets, after: seek)
        return (monitor, seek)
    }

    private func feed(_ records: [BusRecord], to monitor: inout SystemMonitor) async throws {
        var messages: [SystemMessage] = []
        messages.reserveCapacity(records.count)
        var unknown: Set<OrderID> = []
        for record in records {
            do throws(MessageError) {
                let message = try SystemMessage.decode(key: record.key, value: record.value)
                if let order = message.order, !monitor.knows(order) { unknown.insert(order) }
                messages.append(message)
            } catch {
                service.logger.error("dead letter from \(record.topic)/\(record.partition)@\(record.offset): \(error)")
                try await service.bus.publish(outbox.deadLetter(record, error, at: service.settings.now()))
            }
        }
        let stored = unknown.isEmpty ? [:] : try await service.store.progress(of: unknown)
        for message in messages { monitor.apply(message) { stored[$0] } }
    }

    /// Decides, saves what changed with the offsets, and only then asks for what was decided.
    private func decide(_ monitor: inout SystemMonitor, before: [Int: Int64], after: [Int: Int64]) async throws {
        let requests = monitor.decide(now: service.settings.now())
        let changes = monitor.takeChanges()
        if !changes.isEmpty || before != after {
            let tasks = changes.tasks.compactMap { task in
                monitor.scalers[task].map { KeptScaler($0, demand: monitor.demands[task] ?? Demand()) }
            }
            try await service.store.saveMonitor(
                MonitorSave(changes: changes, tasks: tasks, offsets: after), expected: before)
        }
        for decision in changes.decisions {
            service.logger.info(
                "\(decision.task): \(decision.from) → \(decision.to) replicas: \(decision.reason)")
        }
        if !requests.isEmpty {
            try await service.bus.publish(requests.map { outbox.record(.service($0), trace: nil) })
        }
        // For the group's lag, and so that the bus may delete what was read; the offsets that count are the store's.
        if before != after { try await member.commit(after) }
    }
}

/// Wakes a loop at a time that it sets, if nothing else does before.
final class Alarm: Sendable {
    private struct State {
        var time: Timestamp?
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())
    private let now: @Sendable () -> Timestamp
    private let sleep: @Sendable (Duration) async throws -> Void

    init(now: @escaping @Sendable () -> Timestamp, sleep: @escaping @Sendable (Duration) async throws -> Void) {
        self.now = now
        self.sleep = sleep
    }

    func set(_ time: Timestamp) {
        let waiter = state.withLock { state in
            state.time = min(time, state.time ?? time)
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Runs until cancelled. A time that is set earlier than the one slept for is met late by at most ``grain``.
    func run(_ ring: @Sendable () -> Void) async {
        while !Task.isCancelled {
            guard let time = state.withLock({ $0.time }) else {
                await waitUntilSet()
                continue
            }
            let rest = time - now()
            if rest > .zero {
                guard (try? await sleep(min(rest, Self.grain))) != nil else { return }
                continue
            }
            state.withLock { $0.time = nil }
            ring()
        }
    }

    static let grain: Duration = .milliseconds(250)

    private func waitUntilSet() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mayGo = state.withLock { state in
                    if state.time != nil || Task.isCancelled { return true }
                    state.waiter = continuation
                    return false
                }
                if mayGo { continuation.resume() }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume()
        }
    }
}
