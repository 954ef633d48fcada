import Logging
import MillraceCore
import MillracePorts
import ServiceSupport

/// A replica's time as a member of its group: events in, steps run, offsets committed.
struct WorkerLoop {
    let service: WorkerService
    let outbox: Outbox
    let member: any GroupMember
    let stop: StopSignal
    private var owned: Set<Int> = []
    private let commits: ReceiptChain<RecordPlace>
    private let steps: StepRunner
    private let watch: TimeoutWatch
    /// Quick steps are taken many at a time; of slow ones, none is taken that another replica could run meanwhile.
    private var limit = 1

    /// Steps quicker than this are taken in batches.
    static let quick: Duration = .milliseconds(1)
    static let batch = 64

    init(service: WorkerService, outbox: Outbox, member: any GroupMember, stop: StopSignal) {
        self.service = service
        self.outbox = outbox
        self.member = member
        self.stop = stop
        // As many reports under way as a crash may have done again: more than a batch, and of slow steps a few.
        commits = ReceiptChain(limit: 256) { (places) throws(BusError) in
            var offsets: [Int: Int64] = [:]
            for place in places { offsets[place.partition] = place.offset + 1 }
            try await member.commit(offsets)
        }
        watch = TimeoutWatch(timeout: service.settings.task.timeout, sleep: service.settings.sleep)
        steps = StepRunner(service: service, outbox: outbox, watch: watch)
    }

    /// Runs until the service is to stop; then everything done is committed.
    mutating func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            // The loop must not wait for records that it could not commit.
            group.addTask { [commits, member] in try await commits.run { member.interrupt() } }
            group.addTask { [watch] in await watch.run() }
            try await read()
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    private mutating func read() async throws {
        while !stop.isRaised, !commits.hasEnded {
            switch try await member.next(limit: limit) {
            case .assigned(let partitions):
                owned.formUnion(partitions)
                try await announce()
            case .releasing(let partitions):
                await commits.drain()
                owned.subtract(partitions)
                try await member.release(partitions)
                commits.remove { partitions.contains($0.partition) }
                try await announce()
            case .lost(let partitions):
                // Another has them: what was done there and not committed is done again, and found done.
                owned.subtract(partitions)
                commits.remove { partitions.contains($0.partition) }
                try await announce()
            case .records(let records):
                for record in records where !stop.isRaised {
                    let start = ContinuousClock.now
                    try await handle(record)
                    limit = ContinuousClock.now - start < Self.quick ? Self.batch : 1
                }
            case .idle: break
            }
        }
        await commits.drain()
        owned = []
        try await announce()
    }

    private mutating func handle(_ record: BusRecord) async throws {
        let place = RecordPlace(partition: record.partition, offset: record.offset)
        let receipt: Receipt
        do throws(MessageError) {
            let message = try StepMessage.decode(key: record.key, value: record.value)
            receipt = try await steps.run(message, trace: record.header(Header.traceparent))
        } catch {
            service.logger.error("dead letter from \(record.topic)/\(record.partition)@\(record.offset): \(error)")
            let letters = outbox.deadLetter(record, error, at: service.settings.now())
            receipt = try await service.bus.send(letters)
        }
        await commits.append(place, receipt)
    }

    private func announce() async throws {
        let ownership = OrchestratorMessage.Ownership(
            task: service.settings.task.name, instance: service.settings.instance, partitions: owned.sorted(),
            isFree: true)
        try await service.bus.publish([outbox.record(.owner(ownership), trace: nil)])
    }
}
