/// Who reads which partition of a topic: a group's members and the partitions they own, as one value.
///
/// A partition changes hands in two steps, so that nobody reads what another still works on: first its *target*
/// changes, then the owner releases it, and only then the target takes it. Buses without a group protocol of their own
/// keep this value and apply its changes one at a time.
public struct ConsumerGroup: Hashable, Sendable {
    public typealias MemberID = Int64

    public struct Member: Hashable, Sendable {
        public var id: MemberID
        public var name: String
        /// Without a renewal the member is taken for dead at this moment, on the clock that `now` is read from.
        public var leaseEnd: Timestamp

        public init(id: MemberID, name: String, leaseEnd: Timestamp) {
            self.id = id
            self.name = name
            self.leaseEnd = leaseEnd
        }
    }

    public struct Holding: Hashable, Sendable {
        public var owner: MemberID?
        public var target: MemberID?
        /// When the owner was asked to release; nil while it need not.
        public var releaseAskedAt: Timestamp?

        public init(owner: MemberID? = nil, target: MemberID? = nil, releaseAskedAt: Timestamp? = nil) {
            self.owner = owner
            self.target = target
            self.releaseAskedAt = releaseAskedAt
        }
    }

    /// One member owns all; the others stand by.
    public let isExclusive: Bool
    /// In the order of their joining.
    public private(set) var members: [Member]
    /// By partition.
    public private(set) var holdings: [Holding]

    public init(isExclusive: Bool, members: [Member] = [], holdings: [Holding] = []) {
        self.isExclusive = isExclusive
        self.members = members
        self.holdings = holdings
    }

    public func contains(_ member: MemberID) -> Bool { members.contains { $0.id == member } }

    public func owned(by member: MemberID) -> Set<Int> {
        Set(holdings.indices.filter { holdings[$0].owner == member })
    }

    /// What the member owns and should release.
    public func releasing(by member: MemberID) -> Set<Int> {
        Set(holdings.indices.filter { holdings[$0].owner == member && holdings[$0].target != member })
    }

    /// What is free for the member to take.
    public func takable(by member: MemberID) -> Set<Int> {
        Set(holdings.indices.filter { holdings[$0].owner == nil && holdings[$0].target == member })
    }

    public mutating func join(_ member: Member, now: Timestamp) {
        members.append(member)
        rebalance(now: now)
    }

    public mutating func leave(_ member: MemberID, now: Timestamp) {
        drop([member], now: now)
    }

    /// Drops members whose lease has ended or who are known to be dead, and takes partitions from owners who have not
    /// released them in time.
    public mutating func expire(dead: Set<MemberID> = [], releaseTimeout: Duration, now: Timestamp) {
        let gone = members.filter { $0.leaseEnd <= now || dead.contains($0.id) }.map(\.id)
        if !gone.isEmpty { drop(Set(gone), now: now) }
        for index in holdings.indices {
            if let askedAt = holdings[index].releaseAskedAt, now - askedAt >= releaseTimeout {
                holdings[index].owner = nil
                holdings[index].releaseAskedAt = nil
            }
        }
    }

    /// Takes all that is free for the member.
    public mutating func take(_ member: MemberID) -> Set<Int> {
        let taken = takable(by: member)
        for partition in taken { holdings[partition].owner = member }
        return taken
    }

    public mutating func release(_ partitions: Set<Int>, by member: MemberID) {
        for partition in partitions where holdings.indices.contains(partition) && holdings[partition].owner == member {
            holdings[partition].owner = nil
            holdings[partition].releaseAskedAt = nil
        }
    }

    /// Follows a topic's growth.
    public mutating func grow(to partitions: Int, now: Timestamp) {
        guard partitions > holdings.count else { return }
        while holdings.count < partitions { holdings.append(Holding()) }
        rebalance(now: now)
    }

    private mutating func drop(_ gone: Set<MemberID>, now: Timestamp) {
        members.removeAll { gone.contains($0.id) }
        for index in holdings.indices {
            if let owner = holdings[index].owner, gone.contains(owner) {
                holdings[index].owner = nil
                holdings[index].releaseAskedAt = nil
            }
        }
        rebalance(now: now)
    }

    /// Spreads the partitions evenly, moving as few as possible: everyone keeps up to a fair share of what it has.
    private mutating func rebalance(now: Timestamp) {
        var targets = [MemberID?](repeating: nil, count: holdings.count)
        let sharers = isExclusive ? Array(members.prefix(1)) : members
        if !sharers.isEmpty {
            var kept: [MemberID: Int] = [:]
            let (fair, extra) = holdings.count.quotientAndRemainder(dividingBy: sharers.count)
            let isSharer = Set(sharers.map(\.id))
            var mayHaveExtra = extra
            for (index, holding) in holdings.enumerated() {
                guard let holder = holding.owner ?? holding.target, isSharer.contains(holder) else { continue }
                let count = kept[holder, default: 0]
                guard count < fair || (count == fair && mayHaveExtra > 0) else { continue }
                if count == fair { mayHaveExtra -= 1 }
                kept[holder] = count + 1
                targets[index] = holder
            }
            for index in targets.indices where targets[index] == nil {
                let poorest = sharers.min { kept[$0.id, default: 0] < kept[$1.id, default: 0] }
                targets[index] = poorest?.id
                if let poorest { kept[poorest.id, default: 0] += 1 }
            }
        }
        for index in holdings.indices {
            holdings[index].target = targets[index]
            let mustRelease = holdings[index].owner != nil && holdings[index].owner != targets[index]
            holdings[index].releaseAskedAt = mustRelease ? holdings[index].releaseAskedAt ?? now : nil
        }
    }
}
