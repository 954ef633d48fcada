import MillraceCore

/// Orders that have not ended, and which of them to ask for next: a bounded number, however many there are.
///
/// Half of a round are the oldest, which mostly end first; the other half goes round the rest, so that none of those
/// that stay long keep others from being seen.
struct PollQueue {
    private(set) var pending: [OrderID] = []
    private var cursor = 0
    let window: Int

    init(_ ids: [OrderID], window: Int = 64) {
        var seen: Set<OrderID> = []
        pending = ids.filter { seen.insert($0).inserted }
        self.window = max(2, window)
    }

    var isEmpty: Bool { pending.isEmpty }

    /// Whether a round asks for all.
    var coversAll: Bool { pending.count <= window }

    mutating func next() -> [OrderID] {
        guard !coversAll else { return pending }
        let oldest = window / 2
        var round = Array(pending[..<oldest])
        for _ in oldest..<window {
            if cursor < oldest || cursor >= pending.count { cursor = oldest }
            round.append(pending[cursor])
            cursor += 1
        }
        return round
    }

    mutating func remove(_ ended: Set<OrderID>) {
        guard !ended.isEmpty else { return }
        // What is before the cursor moves up.
        cursor -= pending.prefix(cursor).count { ended.contains($0) }
        pending.removeAll { ended.contains($0) }
    }

    mutating func add(_ id: OrderID) {
        if !pending.contains(id) { pending.append(id) }
    }
}

/// The time between two rounds: short while something happens, longer while nothing does.
struct PollPause {
    static let shortest: Duration = .milliseconds(50)
    static let longest: Duration = .milliseconds(500)

    private(set) var duration = shortest

    mutating func after(somethingHappened: Bool) -> Duration {
        defer { duration = min(Self.longest, duration * 2) }
        if somethingHappened { duration = Self.shortest }
        return duration
    }
}
