import Logging
import MillraceCore
import MillracePorts
import ServiceSupport
import Synchronization

/// Publishes the START of orders that the store has taken, behind the answers, and then marks them as published.
///
/// Nothing is lost: an order that is not marked is published again, here with back-off, and after a restart by another.
/// So a START may come twice, which its readers are made for.
final class PublishPump: Sendable {
    struct Status {
        var queued: Int
        /// Whether more may wait in the store.
        var isBehind: Bool
        var isBusAway: Bool
        var published: Int
        var failures: Int
    }

    private struct State {
        var queue: PublishQueue
        var published = 0
        var failures = 0
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state: Mutex<State>
    private let settings: ProxySettings
    private let bus: any MessageBus
    private let store: any OrderStore
    private let logger: Logger

    /// A bus that comes back is found out within this: new orders are refused until then.
    static let retryLimit: Duration = .seconds(2)

    init(settings: ProxySettings, bus: any MessageBus, store: any OrderStore, logger: Logger) {
        state = Mutex(State(queue: PublishQueue(limit: settings.queueLimit)))
        self.settings = settings
        self.bus = bus
        self.store = store
        self.logger = logger
    }

    var status: Status {
        state.withLock { state in
            Status(
                queued: state.queue.count, isBehind: state.queue.isBehind, isBusAway: state.queue.isBusAway,
                published: state.published, failures: state.failures)
        }
    }

    /// Whether the last attempt to publish failed, and none has succeeded since.
    var isBusAway: Bool { state.withLock { $0.queue.isBusAway } }

    func offer(_ orders: [PublishQueue.Entry]) { change { $0.offer(orders) } }

    /// After an insert that failed: the store may have the orders all the same.
    func lostTrack() { change { $0.lostTrack() } }

    func stop() { change { $0.stop() } }

    /// Publishes until ``stop()`` and all is done, or until it is cancelled.
    /// - Throws: `closed`, when bus or store have been closed under it.
    func run() async throws {
        var outbox: Outbox?
        while !Task.isCancelled {
            switch await next() {
            case .publish(let orders):
                try await publish(orders, &outbox)
            case .catchUp(let limit):
                guard let orders = try await unpublished(limit: limit) else { return }
                // Ask for an outbox even where nothing waits, to learn at the start whether the bus is there.
                try await publish(orders, &outbox)
                change { $0.caughtUp(with: orders) }
            case .end: return
            }
        }
    }

    private func publish(_ orders: [NewOrder], _ outbox: inout Outbox?) async throws {
        guard try await send(orders, &outbox) else { return lostTrack() }
        state.withLock { $0.published += orders.count }
        guard !orders.isEmpty else { return }
        try await retryingStore { [store] () throws(StoreError) in
            try await store.markPublished(orders.map(\.order.id))
        }
    }

    private func unpublished(limit: Int) async throws -> [NewOrder]? {
        let found = Mutex<[NewOrder]>([])
        let isRead = try await retryingStore { [store] () throws(StoreError) in
            let orders = try await store.unpublished(limit: limit)
            found.withLock { $0 = orders }
        }
        return isRead ? found.withLock { $0 } : nil
    }

    // MARK: Trying again

    /// - Returns: false if it was cancelled before the bus had them.
    private func send(_ orders: [NewOrder], _ outbox: inout Outbox?) async throws -> Bool {
        var backoff = Backoff(limit: Self.retryLimit)
        while true {
            do throws(BusError) {
                // Asked for again after each failure: topics may have come, or grown.
                let ready = if let outbox { outbox } else { try await Outbox(bus: bus) }
                outbox = ready
                try await Self.send(orders, through: ready, to: bus, now: settings.now, logger: logger)
                if state.withLock({ $0.queue.attempted(succeeded: true) }) { logger.info("the bus takes orders again") }
                return true
            } catch {
                guard error.code != .closed else { throw error }
                // A wait that was cancelled says nothing of the bus.
                if Task.isCancelled { return false }
                outbox = nil
                let isNews = state.withLock { state in
                    state.failures += 1
                    return state.queue.attempted(succeeded: false)
                }
                if isNews { logger.error("new orders are refused until the bus takes them again: \(error)") }
                guard await pause(&backoff) else { return false }
            }
        }
    }

    /// An order's later messages carry it, too, with a step's account: they must fit into the 1,000,000 bytes that a bus
    /// takes at least. One that did not would be tried for ever by who sends it.
    private static let largestStart = 900_000

    private static func send(
        _ orders: [NewOrder], through outbox: Outbox, to bus: any MessageBus, now: @Sendable () -> Timestamp,
        logger: Logger
    ) async throws(BusError) {
        guard !orders.isEmpty else { return }
        do throws(BusError) {
            let records = orders.map { outbox.record(.start($0.order), trace: $0.traceparent) }
            if let large = records.first(where: { $0.value?.count ?? 0 > largestStart }) {
                throw BusError(
                    .tooLarge, "publishing to \(large.topic)",
                    cause: "\(large.value?.count ?? 0) bytes; at most \(largestStart) are taken")
            }
            try await bus.publish(records)
        } catch  where error.code == .tooLarge && orders.count > 1 {
            for order in orders {
                try await send([order], through: outbox, to: bus, now: now, logger: logger)
            }
        } catch  where error.code == .tooLarge {
            // It would never be taken, and hold up all others: it ends with that reason instead.
            logger.error("order \(orders[0].order.id) cannot be published: \(error)")
            let end = SystemMessage.orderEnded(orders[0].order.id, .failed(reason: "\(error)"), at: now())
            try await bus.publish([outbox.record(end, trace: orders[0].traceparent)])
        }
    }

    /// - Returns: false if it was cancelled before.
    @discardableResult
    private func retryingStore(_ body: () async throws(StoreError) -> Void) async throws -> Bool {
        var backoff = Backoff(limit: Self.retryLimit)
        var isNews = true
        while true {
            do throws(StoreError) {
                try await body()
                return true
            } catch {
                guard error.code != .closed else { throw error }
                if isNews { logger.error("publishing waits for the store: \(error)") }
                isNews = false
                guard await pause(&backoff) else { return false }
            }
        }
    }

    private func pause(_ backoff: inout Backoff) async -> Bool {
        var generator = SystemRandomNumberGenerator()
        return (try? await settings.sleep(backoff.failed(using: &generator))) != nil && !Task.isCancelled
    }

    // MARK: Waiting

    private func change(_ body: (inout PublishQueue) -> Void) {
        let waiter = state.withLock { state in
            body(&state.queue)
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    private func next() async -> PublishQueue.Work {
        while true {
            if Task.isCancelled { return .end }
            if let work = state.withLock({ $0.queue.next() }) { return work }
            await waitForChange()
        }
    }

    private func waitForChange() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mayGo = state.withLock { state in
                    if Task.isCancelled || state.queue.hasWork { return true }
                    state.waiter = continuation
                    return false
                }
                if mayGo { continuation.resume() }
            }
        } onCancel: {
            change { _ in }
        }
    }
}
