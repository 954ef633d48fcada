/// Chooses the partitions of Millrace's own topics: by order, by task or by node, alike in every process.
public struct Partitioner: Hashable, Sendable {
    private let counts: [String: Int]

    /// - Parameter counts: the partitions of each topic.
    public init(counts: [String: Int]) {
        self.counts = counts
    }

    public func partition(of topic: String, for key: String) -> Int {
        let count = counts[topic] ?? 1
        return count <= 1 ? 0 : Int(Self.hash(key) % UInt64(count))
    }

    /// FNV-1a, 64 bits: Swift's own hashes differ from process to process.
    static func hash(_ key: String) -> UInt64 {
        key.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}
