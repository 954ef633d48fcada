import CKafka
import DequeModule
import Logging
import MillracePorts
import Platform
import Synchronization

/// Sends records: at once through one handle, and those that nobody waits for through another that lets them gather.
///
/// A sender's records of one partition keep their order: while one lane has records of a partition under way, all that
/// go there take that lane.
final class KafkaProducer: Sendable {
    private struct State {
        var lanes: [Urgency: ProducerLane] = [:]
        /// Records and bytes that are not acknowledged yet.
        var records = 0
        var bytes = 0
        /// Senders that wait for room, oldest first.
        var waiting: Deque<CheckedContinuation<Void, Never>> = []
        var isClosed = false

        var hasRoom: Bool { records < KafkaProducer.recordLimit && bytes < KafkaProducer.byteLimit }
    }

    /// The most that is under way: a second of 17,000 steps, or a hundred of the largest records, in some 32 MB.
    static let recordLimit = 16_384
    static let byteLimit = 32 << 20
    /// What a record takes beside its key, value and headers, at most.
    static let overhead = 128

    private let settings: KafkaSettings
    private let health: KafkaHealth
    private let sizeLimit: Int
    private let state = Mutex(State())
    /// Held while a call's records are handed over, so that those of one call stay together.
    private let order = Mutex(())

    init(_ settings: KafkaSettings, _ health: KafkaHealth) throws(BusError) {
        self.settings = settings
        self.health = health
        // librdkafka's own default, unless the settings say otherwise.
        sizeLimit = settings.properties["message.max.bytes"].flatMap { Int($0) } ?? 1_000_000
    }

    func send(_ records: [OutgoingRecord], urgency: Urgency) async throws(BusError) -> Receipt {
        let sizes = try records.map { (record) throws(BusError) in try size(of: record) }
        let lane = try lane(urgency)
        for record in records { try await check(record, lane) }
        await waitForRoom()
        let places = records.map { TopicPlace(topic: $0.topic, partition: $0.partition) }
        let delivery = Delivery(places)
        let other = state.withLock { $0.lanes[urgency == .prompt ? .relaxed : .prompt] }
        let total = sizes.reduce(0, +)
        let isClosed = state.withLock { state in
            if state.isClosed { return true }
            state.records += records.count
            state.bytes += total
            return false
        }
        if isClosed { throw BusError(.closed, "publishing") }
        order.withLock { _ in
            for (index, record) in records.enumerated() {
                let sent = SentRecord(delivery, index: index, place: places[index], size: sizes[index])
                if let other, other.isPending(places[index]), other.count(of: record.topic) ?? 0 > record.partition {
                    other.produce(record, sent)
                } else {
                    lane.produce(record, sent)
                }
            }
        }
        return delivery.receipt
    }

    /// Makes the handles know a topic that has been made or grown.
    func learn(_ topic: String) async throws(BusError) {
        for lane in state.withLock({ $0.lanes.values }) where lane.count(of: topic) != nil {
            try await Self.learn(topic, lane)
        }
    }

    func close() async {
        let (lanes, waiting) = state.withLock { state in
            state.isClosed = true
            defer { state.waiting = [] }
            return (state.lanes.values, state.waiting)
        }
        for continuation in waiting { continuation.resume() }
        // Whoever closes has awaited what matters to him.
        for lane in lanes { lane.end(within: .seconds(5)) }
    }

    private func size(of record: OutgoingRecord) throws(BusError) -> Int {
        let headers = record.headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 10 }
        let size = Self.overhead + (record.key?.utf8.count ?? 0) + (record.value?.count ?? 0) + headers
        guard size <= sizeLimit else {
            throw BusError(
                .tooLarge, "publishing to \(record.topic)", cause: "\(size) bytes; at most \(sizeLimit) are taken")
        }
        return size
    }

    private func check(_ record: OutgoingRecord, _ lane: ProducerLane) async throws(BusError) {
        if let count = lane.count(of: record.topic), (0..<count).contains(record.partition) { return }
        try await Self.learn(record.topic, lane)
        guard (0..<(lane.count(of: record.topic) ?? 0)).contains(record.partition) else {
            throw BusError(.unknownPartition, "publishing to \(record.topic)/\(record.partition)")
        }
    }

    private static func learn(_ topic: String, _ lane: ProducerLane) async throws(BusError) {
        let result: Result<Void, BusError> = await NamedThread.run("kafka-learn") {
            do throws(BusError) { return .success(try lane.learn(topic)) } catch { return .failure(error) }
        }
        try result.get()
    }

    // MARK: Lanes

    private func lane(_ urgency: Urgency) throws(BusError) -> ProducerLane {
        if let lane = state.withLock({ $0.lanes[urgency] }) { return lane }
        let made = try ProducerLane(
            linger: urgency == .prompt ? .zero : settings.relaxedLinger, settings, health,
            onReports: { [weak self] _, count, bytes in self?.free(count, bytes) },
            onFatal: { [weak self] in self?.abandon($0) })
        // Another may have made one meanwhile; and a bus that is closed must not be left with an open handle.
        let (lane, isClosed) = state.withLock { state -> (ProducerLane, Bool) in
            if state.isClosed { return (made, true) }
            let lane = state.lanes[urgency] ?? made
            state.lanes[urgency] = lane
            return (lane, false)
        }
        if isClosed || lane !== made { made.end(within: .zero) }
        if isClosed { throw BusError(.closed, "publishing") }
        return lane
    }

    /// A handle that has met a fatal error sends nothing any more: the next record gets a new one.
    private func abandon(_ lane: ProducerLane) {
        health.logger.warning("kafka: a producing handle has failed and is made anew: \(health.trouble ?? "")")
        state.withLock { state in
            for (urgency, found) in state.lanes where found === lane { state.lanes[urgency] = nil }
        }
        lane.end(within: .zero)
    }

    // MARK: Room

    private func free(_ records: Int, _ bytes: Int) {
        let waiting = state.withLock { state -> Deque<CheckedContinuation<Void, Never>> in
            state.records -= records
            state.bytes -= bytes
            guard state.hasRoom else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    private func waitForRoom() async {
        while true {
            if state.withLock({ $0.isClosed || $0.hasRoom }) { return }
            await withCheckedContinuation { continuation in
                let mayGo = state.withLock { state in
                    if state.isClosed || state.hasRoom { return true }
                    state.waiting.append(continuation)
                    return false
                }
                if mayGo { continuation.resume() }
            }
        }
    }
}
