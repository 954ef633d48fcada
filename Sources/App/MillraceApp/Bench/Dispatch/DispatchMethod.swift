import MillraceCore

/// How a sender may choose where a step goes.
enum DispatchMethod: String, CaseIterable, Sendable {
    /// The partition that the order's id hashes to, as Kafka's own clients would.
    case orderHash
    /// The partition with the fewest steps outstanding.
    case leastPartition
    /// The owner with the fewest steps outstanding, and of its partitions the one with the fewest.
    case leastOwner
    /// Millrace's own: an owner that has room, and nowhere while there is none.
    case freeOwner
}

/// Chooses partitions by one method, and knows what is outstanding.
struct DispatchPlan: Sendable {
    let method: DispatchMethod
    private let owners: [Set<Int>]
    private let partitioner: Partitioner
    private var counts: [Int]
    private var places: [StepKey: Int] = [:]
    private var dispatcher = Dispatcher()
    /// Where to begin looking among those that are alike: else the first ones would get more.
    private var turn = 0

    /// - Parameter owners: the partitions of each; together they are all of `partitions`.
    init(_ method: DispatchMethod, owners: [Set<Int>], partitions: Int) {
        self.method = method
        self.owners = owners
        partitioner = Partitioner(counts: ["steps": partitions])
        counts = Array(repeating: 0, count: partitions)
        for (index, owned) in owners.enumerated() { dispatcher.own(owned, by: "owner-\(index)") }
    }

    /// Chooses for a step, and takes it as sent.
    /// - Returns: nil while it is to wait at the sender.
    mutating func place(_ step: StepKey) -> Int? {
        guard let partition = choose(step) else { return nil }
        counts[partition] += 1
        places[step] = partition
        dispatcher.sent(step, to: partition)
        return partition
    }

    /// - Parameter duration: how long it ran.
    mutating func ended(_ step: StepKey, after duration: Duration) {
        if let partition = places.removeValue(forKey: step) { counts[partition] -= 1 }
        dispatcher.ended(step, after: duration)
    }

    private mutating func choose(_ step: StepKey) -> Int? {
        switch method {
        case .orderHash: return partitioner.partition(of: "steps", for: step.order.text)
        case .leastPartition: return least(of: counts)
        case .leastOwner:
            let owner = least(of: owners.map { $0.reduce(0) { $0 + counts[$1] } })
            return owners[owner].min { (counts[$0], $0) < (counts[$1], $1) }
        case .freeOwner: return dispatcher.place()
        }
    }

    /// The index of the smallest number; of equal ones the next in turn.
    private mutating func least(of loads: [Int]) -> Int {
        let start = turn % loads.count
        let found = (0..<loads.count).min { a, b in
            let (first, second) = ((start + a) % loads.count, (start + b) % loads.count)
            return (loads[first], a) < (loads[second], b)
        }
        turn = (start + (found ?? 0)) % loads.count + 1
        return turn - 1
    }
}
