/// Where a record stands in its topic.
public struct RecordPlace: Hashable, Sendable {
    public var partition: Int
    public var offset: Int64

    public init(partition: Int, offset: Int64) {
        self.partition = partition
        self.offset = offset
    }
}

/// How far a topic may be committed: below the oldest record that is taken and not done, whatever was done above it.
public struct OffsetTracker: Hashable, Sendable {
    fileprivate struct Partition: Hashable, Sendable {
        /// Taken, in order; done ones are removed from the front.
        var offsets: [Int64] = []
        var isDone: [Bool] = []
        var head = 0
        /// The next offset to be read after all that was removed.
        var next: Int64
    }

    private var partitions: [Int: Partition] = [:]
    private var moved: Set<Int> = []

    public init() {}

    /// Records of one partition must be taken in order.
    public mutating func take(_ place: RecordPlace) {
        partitions[place.partition, default: Partition(next: place.offset)].offsets.append(place.offset)
        partitions[place.partition]?.isDone.append(false)
    }

    public mutating func finish(_ place: RecordPlace) {
        guard let index = partitions[place.partition]?.firstIndex(of: place.offset) else { return }
        partitions[place.partition]?.isDone[index] = true
        if partitions[place.partition]?.advance() == true { moved.insert(place.partition) }
    }

    /// Forgets partitions that are no longer read.
    public mutating func drop(_ gone: Set<Int>) {
        for partition in gone { partitions[partition] = nil }
        moved.subtract(gone)
    }

    /// The next offsets to be read, of partitions where they moved since this was last asked.
    public mutating func takeCommittable() -> [Int: Int64] {
        var offsets: [Int: Int64] = [:]
        for partition in moved { offsets[partition] = partitions[partition]?.next }
        moved.removeAll(keepingCapacity: true)
        return offsets
    }

    /// Records that are taken and not done.
    public var pendingCount: Int { partitions.values.reduce(0) { $0 + $1.offsets.count - $1.head } }
}

extension OffsetTracker.Partition {
    func firstIndex(of offset: Int64) -> Int? {
        var low = head
        var high = offsets.count
        while low < high {
            let middle = (low + high) / 2
            if offsets[middle] < offset { low = middle + 1 } else { high = middle }
        }
        return low < offsets.count && offsets[low] == offset ? low : nil
    }

    mutating func advance() -> Bool {
        let start = head
        while head < offsets.count, isDone[head] {
            next = offsets[head] + 1
            head += 1
        }
        // The removed front is given back now and then: each removal then costs little on average.
        if head > 1024, head * 2 > offsets.count {
            offsets.removeFirst(head)
            isDone.removeFirst(head)
            head = 0
            return true
        }
        return head > start
    }
}
