/// Topics with partitions, and groups that read them: what Millrace asks of Kafka, and of what takes its place.
///
/// Delivery is at least once. Within a partition, records keep the order in which they were sent by one sender.
/// What an adapter must keep to is the list of promises in `BusConformance` (Testing); its specification is there.
public protocol MessageBus: Sendable {
    /// What this adapter can do beyond the promises that all keep.
    var capabilities: BusCapabilities { get }

    /// Makes sure that a topic is there with at least so many partitions. Its records stay.
    /// - Parameter retention: how long a record is kept at least, counted from its publication, once every group of
    ///   the topic has committed past it (or where the topic has no group). Only with
    ///   ``BusCapabilities/consumedRetention`` is what a group has not read kept for longer than that.
    func createTopic(_ name: String, partitions: Int, retention: Duration) async throws(BusError)

    /// Grows a topic to so many partitions. A topic never shrinks: fewer than it has changes nothing.
    /// - Throws: `unsupported` where ``BusCapabilities/growth`` is not there, `unknownTopic`.
    func growTopic(_ name: String, to partitions: Int) async throws(BusError)

    /// All topics, by name.
    func topics() async throws(BusError) -> [TopicDescription]

    /// - Throws: `unknownTopic`.
    func describe(topic: String) async throws(BusError) -> TopicDescription

    /// A group's members, what they own, and how far it has committed. A group nobody knows has neither.
    /// - Throws: `unavailable` while it is not settled who owns what.
    func describe(group: String, topic: String) async throws(BusError) -> GroupDescription

    /// Hands records over to be published, in order; suspends only while the adapter's bounded buffer is full.
    /// - Parameter urgency: `.relaxed` records may wait some milliseconds for others to go with.
    /// - Returns: the receipt that tells when all of them are safe.
    /// - Throws: `unknownTopic` or `unknownPartition` at once or through the receipt.
    func send(_ records: [OutgoingRecord], urgency: Urgency) async throws(BusError) -> Receipt

    /// Joins a group of readers of a topic.
    func join(_ membership: Membership) async throws(BusError) -> any GroupMember

    /// Keeps a group from being empty, until the placeholder leaves it. Some buses let the first member of an empty group
    /// wait for seconds. A placeholder owns nothing, and ``describe(group:topic:)`` does not tell of it; where the bus
    /// is away it holds its place again as soon as that is back.
    /// - Parameter name: the holder's, for people.
    func holdPlace(inGroup group: String, topic: String, name: String) async throws(BusError) -> any GroupPlaceholder

    /// Reads partitions from given offsets, without any group. A partition not named is not read.
    func read(topic: String, from offsets: [Int: Int64]) async throws(BusError) -> any TopicReader

    /// Gives back what the adapter holds. Members must have left before.
    func close() async
}

/// Whether anyone waits for a record.
public enum Urgency: Sendable {
    case prompt, relaxed
}

extension MessageBus {
    public func send(_ records: [OutgoingRecord]) async throws(BusError) -> Receipt {
        try await send(records, urgency: .prompt)
    }

    /// Sends and waits until the records are safe.
    @discardableResult
    public func publish(_ records: [OutgoingRecord]) async throws(BusError) -> [RecordPosition] {
        try await send(records).positions()
    }
}

/// What an adapter can do that not every one can.
public struct BusCapabilities: OptionSet, Sendable, CustomStringConvertible {
    public let rawValue: Int

    public init(rawValue: Int) { self.rawValue = rawValue }

    /// Topics can be grown.
    public static let growth = BusCapabilities(rawValue: 1)
    /// A member that dies without leaving is found out within a second, not only when its lease ends.
    public static let promptDeath = BusCapabilities(rawValue: 2)
    /// Records that all groups have committed past are deleted when their topic's retention is over.
    public static let consumedRetention = BusCapabilities(rawValue: 4)

    public var description: String {
        let names: [(BusCapabilities, String)] = [
            (.growth, "growth"), (.promptDeath, "promptDeath"), (.consumedRetention, "consumedRetention"),
        ]
        return names.filter { contains($0.0) }.map(\.1).joined(separator: ", ")
    }
}

/// Tells when records that were sent are safe.
public struct Receipt: Sendable {
    private let wait: @Sendable () async -> Result<[RecordPosition], BusError>

    public init(_ wait: @escaping @Sendable () async -> Result<[RecordPosition], BusError>) {
        self.wait = wait
    }

    /// Waits until the records are acknowledged. May be asked by one caller, once.
    @discardableResult
    public func positions() async throws(BusError) -> [RecordPosition] {
        try await wait().get()
    }
}

/// How to join a group.
public struct Membership: Sendable {
    public enum Sharing: Sendable {
        /// The partitions are spread over the members, moving as few as possible when one comes or goes.
        case shared
        /// One member is active and owns all partitions; the others stand by.
        case exclusive
    }

    public enum Start: Sendable {
        /// At the group's committed offset, or at the oldest record where there is none.
        case committed
        /// Where the reader says by ``GroupMember/seek(_:)``, since it keeps its offsets itself: no record comes before.
        /// Only for ``Sharing/exclusive`` groups.
        case kept
    }

    public var topic: String
    public var group: String
    /// The member's name, for people: the replica's.
    public var name: String
    public var sharing: Sharing
    public var start: Start
    /// How long a member that gives no sign of life keeps its partitions. A bus may lengthen it.
    public var lease: Duration
    /// How long a member may hold on to a partition that it was asked to release, and so hold up who waits for it.
    public var releaseTimeout: Duration
    /// How long a record may wait for others to come with, where nobody waits for what the member does with it.
    public var linger: Duration

    public init(
        topic: String, group: String, name: String, sharing: Sharing = .shared, start: Start = .committed,
        lease: Duration = .seconds(10), releaseTimeout: Duration = .seconds(600), linger: Duration = .zero
    ) {
        self.topic = topic
        self.group = group
        self.name = name
        self.sharing = sharing
        self.start = start
        self.lease = lease
        self.releaseTimeout = releaseTimeout
        self.linger = linger
    }
}

/// One member of a group. It is pulled: nothing is delivered that was not asked for. One caller of `next` at a time.
///
/// The member stays alive by itself however long its caller works between two calls of `next`.
public protocol GroupMember: Sendable {
    /// What happens next. Suspends until something does.
    /// - Parameter limit: the most records that are returned at once.
    /// - Throws: `fenced` when the group has gone on without this member: it must join anew.
    ///   `CancellationError` is not thrown: a cancelled wait returns ``MemberEvent/idle``.
    func next(limit: Int) async throws(BusError) -> MemberEvent

    /// Makes the ``next(limit:)`` that waits, or else the coming one, return ``MemberEvent/idle``.
    func interrupt()

    /// Starts reading at these offsets. For members that keep their own, after each ``MemberEvent/assigned(_:)``.
    /// - Throws: `offsetOutOfRange` when a partition ends before, or begins after, what is asked.
    func seek(_ offsets: [Int: Int64]) async throws(BusError)

    /// Saves how far the group has come: the offset of the next record to be read, by partition. It may wait as long as
    /// another member holds up a hand-over: its ``Membership/releaseTimeout``.
    /// - Throws: `fenced` when a partition is no longer this member's; nothing is saved then.
    func commit(_ offsets: [Int: Int64]) async throws(BusError)

    /// Gives up partitions after ``MemberEvent/releasing(_:)``, when all that was taken from them is done. Those that were
    /// asked for together may be given up together, with the last of them.
    func release(_ partitions: Set<Int>) async throws(BusError)

    /// Leaves the group, so that others take over at once. What was not committed is read again by them.
    func leave() async
}

public enum MemberEvent: Hashable, Sendable {
    /// These partitions have come to the member (in addition to those that it has).
    case assigned(Set<Int>)
    /// These are wanted elsewhere: no more records come from them; finish, commit, then ``GroupMember/release(_:)``.
    case releasing(Set<Int>)
    /// These were taken away, since the member was taken for dead or released too late.
    case lost(Set<Int>)
    /// Records of the member's partitions, those of one partition in order.
    case records([BusRecord])
    /// The wait was cancelled or interrupted.
    case idle
}

/// Reads records without a group.
public protocol TopicReader: Sendable {
    /// The next records; suspends until there are any. A cancelled wait returns none.
    func next(limit: Int) async throws(BusError) -> [BusRecord]
    func close() async
}
