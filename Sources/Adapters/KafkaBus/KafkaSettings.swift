/// How to reach a Kafka cluster, and how to behave towards it.
public struct KafkaSettings: Sendable {
    /// Where to ask for the cluster first: `host:port`, with commas between several.
    public var bootstrapServers: String
    /// Any of librdkafka's own properties, by their names: `security.protocol`, `sasl.username` … They win over what
    /// the adapter would choose, except those that it cannot work without, which are refused.
    public var properties: [String: String]
    /// Comes before the name of each topic and group on the cluster, so that several buses can share one without
    /// seeing each other.
    public var topicPrefix: String
    /// On how many brokers each new topic is kept. -1 leaves it to the cluster's `default.replication.factor`.
    public var replicationFactor: Int
    /// The shortest lease that is asked for: brokers refuse less than their `group.min.session.timeout.ms`.
    public var minimumLease: Duration
    /// How often a member says that it lives. A joining member waits for the others' next word, so it is short.
    public var heartbeatInterval: Duration
    /// The shortest time that a new topic keeps its records. Kafka goes by age alone, so this is also how long unread
    /// ones last. It must be less than the time for which brokers keep an idle group's offsets (seven days by
    /// default): else a group that comes back later would read again what it had committed.
    public var minimumRetention: Duration
    /// How long a record may wait for its acknowledgement, and a commit for its answer, before it has failed.
    public var deliveryTimeout: Duration
    /// How long a question to the cluster may take.
    public var requestTimeout: Duration
    /// How long a record that nobody waits for may wait for others to go with.
    public var relaxedLinger: Duration
    /// How soon new partitions of a topic are noticed.
    public var metadataInterval: Duration

    public init(
        bootstrapServers: String, properties: [String: String] = [:], topicPrefix: String = "",
        replicationFactor: Int = -1,
        minimumLease: Duration = .seconds(6), heartbeatInterval: Duration = .milliseconds(300),
        minimumRetention: Duration = .seconds(6 * 86400), deliveryTimeout: Duration = .seconds(120),
        requestTimeout: Duration = .seconds(10), relaxedLinger: Duration = .milliseconds(5),
        metadataInterval: Duration = .seconds(5)
    ) {
        self.bootstrapServers = bootstrapServers
        self.properties = properties
        self.topicPrefix = topicPrefix
        self.replicationFactor = replicationFactor
        self.minimumLease = minimumLease
        self.heartbeatInterval = heartbeatInterval
        self.minimumRetention = minimumRetention
        self.deliveryTimeout = deliveryTimeout
        self.requestTimeout = requestTimeout
        self.relaxedLinger = relaxedLinger
        self.metadataInterval = metadataInterval
    }
}

extension Duration {
    /// Whole milliseconds, cut off; librdkafka counts in them, as 32-bit numbers.
    var milliseconds: Int32 {
        let exact = components.seconds.multipliedReportingOverflow(by: 1000)
        guard !exact.overflow else { return .max }
        return Int32(clamping: exact.partialValue + components.attoseconds / 1_000_000_000_000_000)
    }
}
