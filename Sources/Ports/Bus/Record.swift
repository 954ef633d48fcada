public import MillraceCore

/// A record to be published.
public struct OutgoingRecord: Hashable, Sendable {
    public var topic: String
    /// Chosen by the sender, never from the key.
    public var partition: Int
    public var key: String?
    /// nil is data too: a tombstone.
    public var value: [UInt8]?
    public var headers: [Header]

    public init(topic: String, partition: Int, key: String?, value: [UInt8]?, headers: [Header] = []) {
        self.topic = topic
        self.partition = partition
        self.key = key
        self.value = value
        self.headers = headers
    }
}

public struct Header: Hashable, Sendable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }

    public static let order = "order"
    public static let contentType = "content-type"
    public static let traceparent = "traceparent"
}

/// A record as it was read.
public struct BusRecord: Hashable, Sendable {
    public var topic: String
    public var partition: Int
    public var offset: Int64
    public var key: String?
    public var value: [UInt8]?
    public var headers: [Header]
    /// When the bus took it.
    public var publishedAt: Timestamp

    public init(
        topic: String, partition: Int, offset: Int64, key: String?, value: [UInt8]?, headers: [Header] = [],
        publishedAt: Timestamp
    ) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.key = key
        self.value = value
        self.headers = headers
        self.publishedAt = publishedAt
    }

    public func header(_ name: String) -> String? {
        headers.first { $0.name == name }?.value
    }
}

public struct RecordPosition: Hashable, Sendable {
    public var topic: String
    public var partition: Int
    public var offset: Int64

    public init(topic: String, partition: Int, offset: Int64) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
    }
}

public struct TopicDescription: Hashable, Sendable {
    /// Brokers, by their numbers.
    public struct Placement: Hashable, Sendable {
        /// Who takes and hands out its records; nil while there is nobody.
        public var leader: Int?
        /// Who is to have a copy, the preferred leader first.
        public var replicas: [Int]
        /// Whose copies are whole.
        public var inSync: [Int]

        public init(leader: Int?, replicas: [Int], inSync: [Int]) {
            self.leader = leader
            self.replicas = replicas
            self.inSync = inSync
        }
    }

    public struct Partition: Hashable, Sendable {
        public var number: Int
        /// The offset of the oldest record that is kept.
        public var begin: Int64
        /// The offset that the next record will have.
        public var end: Int64
        /// On which brokers it is; nil of a bus that has none.
        public var placement: Placement?

        public init(number: Int, begin: Int64, end: Int64, placement: Placement? = nil) {
            self.number = number
            self.begin = begin
            self.end = end
            self.placement = placement
        }

        /// Where a reader that keeps its own offsets goes on: where it was, or at the oldest record where that is not
        /// there: not any more, or not yet, in a bus that was made anew.
        public func place(ofSaved offset: Int64?) -> Int64 {
            guard let offset, (begin...end).contains(offset) else { return begin }
            return offset
        }
    }

    public var name: String
    /// In order of their numbers, from 0, without gaps.
    public var partitions: [Partition]

    public init(name: String, partitions: [Partition]) {
        self.name = name
        self.partitions = partitions
    }
}

public struct GroupDescription: Hashable, Sendable {
    public struct Member: Hashable, Sendable {
        public var name: String
        public var partitions: Set<Int>

        public init(name: String, partitions: Set<Int>) {
            self.name = name
            self.partitions = partitions
        }
    }

    public var members: [Member]
    /// The next offset to be read, by partition; a partition never committed is not in it.
    public var committed: [Int: Int64]

    public init(members: [Member], committed: [Int: Int64]) {
        self.members = members
        self.committed = committed
    }

    /// Records that are there and not committed.
    public func lag(in topic: TopicDescription) -> Int {
        topic.partitions.reduce(0) { sum, partition in
            sum + Int(max(0, partition.end - max(partition.begin, committed[partition.number] ?? 0)))
        }
    }
}
