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
        while !Task.isCancelled {
            do {
                try await read { _ in true }
            } catch let error where Backoff.helps(against: error) {
                let delay = backoff.failed(using: &generator)
                service.logger.warning("monitor-resources reads on in \(delay): \(error)")
                guard (try? await service.settings.sleep(delay)) != nil else { return }
            }
        }
    }

    /// Reads what is there by now: the HALTs of steps that ended while this service was told to stop. Records that were
    /// deleted meanwhile never come: it is to be cancelled after a while.
    func catchUp() async throws {
        let topic = try await service.bus.describe(topic: Topic.resource)
        let ends = Dictionary(uniqueKeysWithValues: topic.partitions.map { ($0.number, $0.end) })
        try await read { positions in positions.contains { $0.value < ends[$0.key] ?? 0 } }
    }

    /// - Parameter goesOn: given the next offset to be read, by partition.
    private func read(while goesOn: ([Int: Int64]) -> Bool) async throws {
        let outbox = try await Outbox(bus: service.bus)
        var positions = try await begin(at: outbox.partition(ofNode: service.settings.node))
        guard goesOn(positions) else { return }
        let reader = try await service.bus.read(topic: Topic.resource, from: positions)
        do {
            while !Task.isCancelled, goesOn(positions) {
                let records = try await reader.next(limit: Self.batch)
                try await take(records, outbox, &positions)
                if records.count < Self.batch, goesOn(positions) { try? await service.settings.sleep(Self.breath) }
            }
        } catch {
            await reader.close()
            throw error
        }
        await reader.close()
    }

    private func take(_ records: [BusRecord], _ outbox: Outbox, _ positions: inout [Int: Int64]) async throws {
        let messages = try await decode(records, outbox)
        for record in records { positions[record.partition] = record.offset + 1 }
        runs.take(messages, positions: positions, uptime: service.settings.uptime(), now: service.settings.now())
    }

    /// Where to read on: where this monitor was, or its predecessor.
    private func begin(at partition: Int) async throws -> [Int: Int64] {
        let topic = try await service.bus.describe(topic: Topic.resource)
        guard let kept = topic.partitions.first(where: { $0.number == partition }) else {
            throw BusError(.unknownPartition, "reading \(Topic.resource)/\(partition)")
        }
        var wanted = runs.positions[partition]
        if wanted == nil {
            wanted = try await service.store.resourceOffsets(node: service.settings.node)[partition]
        }
        return [partition: kept.place(ofSaved: wanted, in: topic, service.logger)]
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
