import MillraceCore
import MillracePorts

/// What is to be published, and whether the bus takes it: the part of the ``PublishPump`` that decides. Pure.
struct PublishQueue {
    /// An order with about as many bytes as it takes.
    struct Entry {
        var order: NewOrder
        var bytes: Int
    }

    enum Work {
        case publish([NewOrder])
        /// Read so many unpublished orders from the store.
        case catchUp(limit: Int)
        case end
    }

    /// Of one batch: what a bus takes in one go without making the next order wait for long.
    static let batch = (orders: 1000, bytes: 4 << 20)
    /// Orders read from the store at once; each may be as large as one order may be.
    static let catchUp = 128
    /// Of all that waits: a fraction of what the service may use.
    static let byteLimit = 64 << 20

    private let limit: Int
    private var entries: [Entry] = []
    private var bytes = 0
    private var isStopping = false
    /// Whether the store may have unpublished orders that are not here: so at the start, and once this was full.
    private(set) var isBehind = true
    /// Whether the last attempt to publish failed.
    private(set) var isBusAway = false

    var count: Int { entries.count }

    /// - Parameter limit: the most orders.
    init(limit: Int) { self.limit = limit }

    /// Takes orders that the store has; what does not fit stays there and is read again later.
    mutating func offer(_ new: [Entry]) {
        for entry in new {
            guard entries.count < limit, bytes + entry.bytes <= Self.byteLimit else {
                isBehind = true
                return
            }
            entries.append(entry)
            bytes += entry.bytes
        }
    }

    /// Nothing is known of what the store has: it failed in the middle.
    mutating func lostTrack() { isBehind = true }

    /// No more orders will be offered: end when all that are here are published. What is in the store only is left to
    /// the next start.
    mutating func stop() { isStopping = true }

    var hasWork: Bool { !entries.isEmpty || isStopping || isBehind }

    /// - Returns: nil when there is nothing to do.
    mutating func next() -> Work? {
        if !entries.isEmpty { return .publish(take()) }
        if isStopping { return .end }
        guard isBehind else { return nil }
        // Whatever goes wrong from here on sets it again.
        isBehind = false
        return .catchUp(limit: Self.catchUp)
    }

    /// The store had these, which are published now, beside whatever of them was offered meanwhile.
    mutating func caughtUp(with orders: [NewOrder]) {
        if orders.count >= Self.catchUp { isBehind = true }
        let ids = Set(orders.map(\.order.id))
        guard entries.contains(where: { ids.contains($0.order.order.id) }) else { return }
        entries.removeAll { ids.contains($0.order.order.id) }
        bytes = entries.reduce(0) { $0 + $1.bytes }
    }

    /// - Returns: whether that is news.
    mutating func attempted(succeeded: Bool) -> Bool {
        defer { isBusAway = !succeeded }
        return isBusAway == succeeded
    }

    private mutating func take() -> [NewOrder] {
        var (count, size) = (0, 0)
        while count < min(entries.count, Self.batch.orders), count == 0 || size < Self.batch.bytes {
            size += entries[count].bytes
            count += 1
        }
        let orders = entries[..<count].map(\.order)
        entries.removeFirst(count)
        bytes -= size
        return orders
    }
}
