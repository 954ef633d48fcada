import Logging
import MillraceCore
import MillracePorts
import ServiceSupport

/// An orchestrator's time as the active member: it rebuilds what is under way, then routes until it is to stop.
struct Routing {
    let service: OrchestratorService
    let outbox: Outbox
    let member: any GroupMember
    let stop: StopSignal

    /// Records taken at once: enough to share a commit, few enough to be answered within a millisecond.
    static let batch = 256

    func run() async throws {
        let router = SharedRouter()
        let scaler = ScalingDesk(service: service, outbox: outbox, router: router)
        let (activity, begin) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        // 64 sends of at most a batch each may be under way.
        let chain = ReceiptChain<[RecordPlace]>(limit: 64) { (places) throws(BusError) in
            let offsets = router.withLock { router in
                for place in places.joined() { router.acknowledged(place) }
                return router.takeCommittable()
            }
            if !offsets.isEmpty { try await member.commit(offsets) }
        }
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await chain.run { member.interrupt() } }
                group.addTask { try await scaler.run { member.interrupt() } }
                group.addTask { for await _ in activity { await GroupPlaces(service: service).hold() } }
                try await route(router, chain, scaler) { begin.yield() }
                await chain.drain()
                group.cancelAll()
                try await group.waitForAll()
            }
        } catch let error as BusError where error.code == .fenced {
            await giveUpReplicas()
            throw error
        }
    }

    /// Another orchestrator scales its own replicas now: those that only this one sees would never be told to stop.
    private func giveUpReplicas() async {
        guard !service.fleet.isShared else { return }
        for task in service.settings.tasks {
            do throws(FleetError) { try await service.fleet.scale(task, to: 0) } catch {
                service.logger.warning("\(error)")
            }
        }
    }

    private func route(
        _ router: SharedRouter, _ chain: ReceiptChain<[RecordPlace]>, _ scaler: ScalingDesk, onBegin: () -> Void
    ) async throws {
        /// Up to where records are taken before anything is sent; nil while standing by and once sending has begun.
        var replayEnds: [Int: Int64]?
        var isActive = false
        while !stop.isRaised, !chain.hasEnded, !scaler.hasEnded {
            var actions: [OrderRouter.Action] = []
            switch try await member.next(limit: Self.batch) {
            case .assigned:
                // What waits here is known by this router only: more partitions mean to rebuild it from the beginning.
                guard !isActive else { throw BusError(.unavailable, "routing", cause: "the topic has grown") }
                isActive = true
                let (rebuilt, ends) = try await rebuild()
                router.withLock { $0 = rebuilt }
                replayEnds = ends
            case .releasing(let partitions):
                // Only when another is to be the active one.
                await chain.drain()
                try await member.release(partitions)
            case .lost:
                throw BusError(.fenced, "routing", cause: "another orchestrator has taken over")
            case .records(let records):
                for record in records {
                    actions += try await take(record, router)
                    if let end = replayEnds?[record.partition], record.offset + 1 >= end {
                        replayEnds?[record.partition] = nil
                    }
                }
            case .idle: break
            }
            if replayEnds?.isEmpty == true {
                replayEnds = nil
                actions += router.withLock { $0.begin() }
                scaler.begin()
                onBegin()
            }
            try await perform(actions, chain, scaler)
        }
    }

    /// What is under way: the owners of each task's partitions, the steps that were sent and have not ended, and where
    /// the records end that must be taken before anything is sent.
    private func rebuild() async throws -> (OrderRouter, ends: [Int: Int64]) {
        var partitions: [TaskName: Int] = [:]
        var found: [(TaskName, TopicDescription, GroupDescription)] = []
        for task in service.settings.tasks {
            let topic = try await service.bus.describe(topic: task.text)
            partitions[task] = topic.partitions.count
            found.append((task, topic, try await service.bus.describe(group: task.text, topic: task.text)))
        }
        var router = OrderRouter(partitions: partitions)
        for (task, topic, group) in found {
            router.found(group.members.map { ($0.name, $0.partitions) }, of: task)
            for message in try await outstanding(topic, group) {
                router.foundOutstanding(message.step, partition: message.partition)
            }
        }
        let topic = try await service.bus.describe(topic: Topic.orchestrator)
        let group = try await service.bus.describe(group: "orchestrator", topic: Topic.orchestrator)
        var ends: [Int: Int64] = [:]
        for partition in topic.partitions
        where partition.end > max(partition.begin, group.committed[partition.number] ?? 0) {
            ends[partition.number] = partition.end
        }
        return (router, ends)
    }

    private func outstanding(
        _ topic: TopicDescription, _ group: GroupDescription
    ) async throws -> [(step: StepMessage, partition: Int)] {
        var from: [Int: Int64] = [:]
        var missing = 0
        for partition in topic.partitions {
            let start = max(partition.begin, group.committed[partition.number] ?? 0)
            if start < partition.end {
                from[partition.number] = start
                missing += Int(partition.end - start)
            }
        }
        guard missing > 0 else { return [] }
        let reader = try await service.bus.read(topic: topic.name, from: from)
        do {
            let messages = try await steps(from: reader, count: missing)
            await reader.close()
            return messages
        } catch {
            await reader.close()
            throw error
        }
    }

    private func steps(
        from reader: any TopicReader, count: Int
    ) async throws -> [(step: StepMessage, partition: Int)] {
        var missing = count
        var messages: [(step: StepMessage, partition: Int)] = []
        while missing > 0 {
            let records = try await reader.next(limit: missing)
            if records.isEmpty { break }
            missing -= records.count
            for record in records {
                // What cannot be read is the worker's to put away.
                guard let message = try? StepMessage.decode(key: record.key, value: record.value) else { continue }
                messages.append((message, record.partition))
            }
        }
        return messages
    }

    private func take(_ record: BusRecord, _ router: SharedRouter) async throws -> [OrderRouter.Action] {
        let place = RecordPlace(partition: record.partition, offset: record.offset)
        do throws(MessageError) {
            let message = try OrchestratorMessage.decode(key: record.key, value: record.value)
            if let unknown = unknownTask(in: message) {
                throw MessageError("the task ‘\(unknown)’ is not in the configuration", order: message.order)
            }
            if case .owner(let owner) = message { try await check(owner, router) }
            return router.withLock {
                $0.take(
                    message, trace: record.header(Header.traceparent), at: place, publishedAt: record.publishedAt)
            }
        } catch {
            service.logger.error("dead letter from \(record.topic)/\(record.partition)@\(record.offset): \(error)")
            let letters = outbox.deadLetter(record, error, at: service.settings.now())
            try await service.bus.publish(letters)
            return router.withLock { router in
                if let order = error.order { router.forget(order) }
                router.skip(place)
                return []
            }
        }
    }

    /// A partition that the topic does not have must not become a place to send steps to.
    private func check(
        _ owner: OrchestratorMessage.Ownership, _ router: SharedRouter
    ) async throws(MessageError) {
        guard let highest = owner.partitions.max(), let lowest = owner.partitions.min() else { return }
        let known = router.withLock { $0.partitionCount(of: owner.task) }
        if lowest >= 0, highest < known { return }
        let count = (try? await service.bus.describe(topic: owner.task.text).partitions.count) ?? known
        router.withLock { $0.grown(owner.task, to: count) }
        guard lowest >= 0, highest < count else {
            throw MessageError("OWNER: partitions: the topic \(owner.task) has \(count), not \(lowest)…\(highest)")
        }
    }

    private func unknownTask(in message: OrchestratorMessage) -> TaskName? {
        switch message {
        case .start(let order): order.tasks.first { !service.settings.tasks.contains($0.name) }?.name
        case .progress(let progress):
            progress.order.tasks.dropFirst(progress.step).first { !service.settings.tasks.contains($0.name) }?.name
        case .service(let request): service.settings.tasks.contains(request.task) ? nil : request.task
        case .owner(let owner): service.settings.tasks.contains(owner.task) ? nil : owner.task
        }
    }

    /// Performs actions in order; one send for all of them.
    private func perform(
        _ actions: [OrderRouter.Action], _ chain: ReceiptChain<[RecordPlace]>, _ scaler: ScalingDesk
    ) async throws {
        var records: [OutgoingRecord] = []
        var places: [RecordPlace] = []
        for action in actions {
            switch action {
            case .announce(let order, let trace):
                let started = SystemMessage.orderStarted(
                    order.id, tasks: order.tasks.map(\.name), at: service.settings.now())
                records.append(outbox.record(started, trace: trace))
            case .send(let message, let partition, let trace, let place):
                records.append(outbox.record(message, partition: partition, trace: trace))
                places.append(place)
            case .scale(let request): scaler.ask(request)
            }
        }
        // Even with nothing to send: what was done without sending is committed in its turn.
        await chain.append(places, records.isEmpty ? Receipt { .success([]) } : try await service.bus.send(records))
    }
}
