import Logging
import MillraceCore
import MillracePorts
import ServiceSupport

/// Reads the node's partition of the `resource` topic, from where the last monitor of the node would have to go on.
struct ResourceFollower {
    let service: MonitorResourcesService
    let runs: NodeRuns

    private static let batch = 4096
    /// Between two looks: a START brings its counters with it, so that it may well come a little later.
    private static let breath: Duration = .milliseconds(100)

    /// Runs until it is cancelled; what fails for now is tried again.
    func run() async throws {
        var backoff = Backoff()
        var generator = SystemRandomNumberGenerator()
        var next: [Int: Int64]?
        while !Task.isCancelled {
            do {
                try await follow(&next)
            } catch let error where mayPass(error) {
                let delay = backoff.failed(using: &generator)
                service.logger.warning("monitor-resources reads on in \(delay): \(error)")
                guard (try? await service.settings.sleep(delay)) != nil else { return }
            }
        }
    }

    private func mayPass(_ error: any Error) -> Bool {
        switch error {
        case let error as BusError: error.code != .closed
        case let error as StoreError: error.code != .closed && error.code != .corrupt
        default: false
        }
    }

    private func follow(_ next: inout [Int: Int64]?) async throws {
        let outbox = try await Outbox(bus: service.bus)
        var positions = try await begin(next, at: outbox.partition(ofNode: service.settings.node))
        next = positions
        let reader = try await service.bus.read(topic: Topic.resource, from: positions)
        do {
            while !Task.isCancelled {
                let records = try await reader.next(limit: Self.batch)
                try await take(records, outbox, &positions)
                next = positions
                if records.count < Self.batch { try? await service.settings.sleep(Self.breath) }
            }
        } catch {
            await reader.close()
            throw error
        }
        await reader.close()
    }

    /// Reads what is there by now: the HALTs of steps that ended while this service was told to stop.
    func catchUp() async throws {
        let outbox = try await Outbox(bus: service.bus)
        var positions = runs.positions
        let topic = try await service.bus.describe(topic: Topic.resource)
        let ends = Dictionary(uniqueKeysWithValues: topic.partitions.map { ($0.number, $0.end) })
        func isBehind() -> Bool { positions.contains { $0.value < ends[$0.key] ?? 0 } }
        guard isBehind() else { return }
        let reader = try await service.bus.read(topic: Topic.resource, from: positions)
        while isBehind(), !Task.isCancelled {
            guard let records = try? await reader.next(limit: Self.batch), !records.isEmpty else { break }
            try await take(records, outbox, &positions)
        }
        await reader.close()
    }

    private func take(_ records: [BusRecord], _ outbox: Outbox, _ positions: inout [Int: Int64]) async throws {
        let messages = try await decode(records, outbox)
        for record in records { positions[record.partition] = record.offset + 1 }
        runs.take(messages, positions: positions, uptime: service.settings.uptime(), now: service.settings.now())
    }

    /// Where to read on: where this monitor was, or its predecessor. What the bus does not have any more, or not yet,
    /// since it was made anew, is passed over.
    private func begin(_ next: [Int: Int64]?, at partition: Int) async throws -> [Int: Int64] {
        let topic = try await service.bus.describe(topic: Topic.resource)
        guard let kept = topic.partitions.first(where: { $0.number == partition }) else {
            throw BusError(.unknownPartition, "reading \(Topic.resource)/\(partition)")
        }
        let wanted: Int64
        if let position = next?[partition] {
            wanted = position
        } else {
            wanted = try await service.store.resourceOffsets(node: service.settings.node)[partition] ?? kept.begin
        }
        guard wanted > kept.end else { return [partition: max(wanted, kept.begin)] }
        service.logger.warning(
            "\(Topic.resource)/\(partition) ends at \(kept.end), before the saved offset \(wanted): replaying it")
        return [partition: kept.begin]
    }

    private func decode(
        _ records: [BusRecord], _ outbox: Outbox
    ) async throws -> [(message: ResourceMessage, place: RecordPlace)] {
        var messages: [(message: ResourceMessage, place: RecordPlace)] = []
        messages.reserveCapacity(records.count)
        for record in records {
            do throws(MessageError) {
                let message = try ResourceMessage.decode(key: record.key, value: record.value)
                // Nodes may share a partition. A HALT names no node: of another's run it says nothing here.
                if case .start(let start) = message, start.target.node != service.settings.node { continue }
                messages.append((message, RecordPlace(partition: record.partition, offset: record.offset)))
            } catch {
                service.logger.error("dead letter from \(record.topic)/\(record.partition)@\(record.offset): \(error)")
                try await service.bus.publish(outbox.deadLetter(record, error, at: service.settings.now()))
            }
        }
        return messages
    }
}
