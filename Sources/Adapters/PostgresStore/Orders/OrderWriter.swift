internal import MillracePorts
internal import Platform

/// The one thread of this process that writes orders: what has come while it wrote shares the next transaction, its
/// round trips and its fsync.
final class OrderWriter: Sendable {
    enum Write: Sendable {
        case insert([NewOrderRow], Reply<[Insertion], StoreError>)
        case publish([String], Reply<Void, StoreError>)
        case monitor(MonitorWrite, Reply<Void, StoreError>)
    }

    private let thread: BatchThread<Write>
    private let link: Link

    init(_ server: Server) {
        let link = Link(server)
        self.link = link
        thread = BatchThread(
            name: "order-writer", capacity: server.settings.queueCapacity, batchLimit: server.settings.batchLimit
        ) { Self.perform($0, on: link) }
    }

    /// A full queue is an error for the caller to pass on.
    func insert(_ rows: [NewOrderRow], _ doing: String) async throws(StoreError) -> [Insertion] {
        let reply = Reply<[Insertion], StoreError>()
        switch thread.offer(.insert(rows, reply)) {
        case .taken: return try await reply.value()
        case .full: throw StoreError(.overloaded, doing)
        case .closed: throw StoreError(.closed, doing)
        }
    }

    /// A full queue makes the caller wait.
    func write(_ doing: String, _ make: (Reply<Void, StoreError>) -> Write) async throws(StoreError) {
        let reply = Reply<Void, StoreError>()
        guard await thread.submit(make(reply)) else { throw StoreError(.closed, doing) }
        try await reply.value()
    }

    /// Writes what has been taken, and takes no more.
    func close() async {
        await thread.close()
        link.close()
    }

    /// Other transactions may be in the way of one so often.
    private static let attempts = 5

    private static func perform(_ writes: [Write], on link: Link) {
        var shared: [Write] = []
        var hasMonitor = false
        var bytes = 0
        for write in writes {
            // A save is decided on the offsets that the one before it left: one in a transaction.
            if bytes + write.bytes > bytesAtOnce || hasMonitor && write.isMonitor {
                commit(shared, on: link)
                (shared, hasMonitor, bytes) = ([], false, 0)
            }
            shared.append(write)
            hasMonitor = hasMonitor || write.isMonitor
            bytes += write.bytes
        }
        commit(shared, on: link)
    }

    /// Of orders in a transaction: enough for thousands, and far from what a parameter can hold.
    private static let bytesAtOnce = 16 << 20

    private static func commit(_ writes: [Write], on link: Link) {
        guard !writes.isEmpty else { return }
        for attempt in 1... {
            do {
                // Whether a COMMIT was heard is not known when its connection is lost: it is not repeated.
                for reply in try link.use(mayRepeat: false, { try OrderBatch(writes).commit($0) }) { reply() }
            } catch let error as PostgresError where error.isTransient && attempt < attempts {
                continue
            } catch {
                // One write that cannot be done must not fail its neighbours: each is tried on its own.
                if writes.count > 1, (error as? PostgresError)?.isOfOneWrite == true {
                    for write in writes { commit([write], on: link) }
                } else {
                    for write in writes { write.fail(error) }
                }
            }
            return
        }
    }
}

extension OrderWriter.Write {
    fileprivate var isMonitor: Bool { if case .monitor = self { true } else { false } }

    fileprivate var bytes: Int {
        guard case .insert(let rows, _) = self else { return 0 }
        return rows.reduce(0) { $0 + $1.content.utf8.count }
    }

    fileprivate func fail(_ error: any Error) {
        switch self {
        case .insert(_, let reply): reply.bring(.failure(StoreError(error, doing: "inserting orders")))
        case .publish(_, let reply): reply.bring(.failure(StoreError(error, doing: "marking orders as published")))
        case .monitor(_, let reply): reply.bring(.failure(StoreError(error, doing: "saving monitor-system's changes")))
        }
    }
}
