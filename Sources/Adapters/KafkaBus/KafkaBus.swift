public import Logging
public import MillracePorts
import Platform
import Synchronization

/// The bus of a Kafka cluster, through librdkafka. See `Documentation/Bus.md` for how it works.
public final class KafkaBus: MessageBus {
    let settings: KafkaSettings
    let names: KafkaNames
    let health: KafkaHealth
    let questions: KafkaQuestions
    let administration: any KafkaAdministration
    private let producer: KafkaProducer

    public var capabilities: BusCapabilities { administration.capabilities }

    /// Checks the settings; reaches no broker yet.
    /// - Throws: `unsupported`, naming the property that librdkafka does not know or does not take.
    public convenience init(_ settings: KafkaSettings, logger: Logger) throws(BusError) {
        try self.init(settings, logger: logger, administration: BrokerAdministration())
    }

    init(_ settings: KafkaSettings, logger: Logger, administration: any KafkaAdministration) throws(BusError) {
        self.settings = settings
        names = KafkaNames(prefix: settings.topicPrefix)
        self.administration = administration
        health = KafkaHealth(logger: logger)
        // Handles are made when they are needed; what is wrong with the settings is said now.
        let roles: [KafkaRole] = [
            .sender(linger: .zero), .reader, .member(Membership(topic: "t", group: "g", name: "n"), groupID: "g"),
        ]
        for role in roles { try KafkaConfiguration.check(role, settings) }
        questions = try KafkaQuestions(settings, health)
        producer = try KafkaProducer(settings, health)
    }

    /// Asks the cluster for its topics, for whoever starts with this bus.
    /// - Throws: `unavailable` with one line that says why: no answer, wrong credentials, no TLS.
    public func check() async throws(BusError) {
        let doing = "reaching Kafka at \(settings.bootstrapServers)"
        _ = try await questions.ask(doing) { (client) throws(BusError) in try client.partitionCounts(doing) }
    }

    public func send(_ records: [OutgoingRecord], urgency: Urgency) async throws(BusError) -> Receipt {
        try await producer.send(records, urgency: urgency)
    }

    public func join(_ membership: Membership) async throws(BusError) -> any GroupMember {
        let doing = "joining the topic ‘\(membership.topic)’"
        let groupID = names.groupID(membership.group, topic: membership.topic)
        var membership = membership
        membership.topic = names.topic(membership.topic)
        let isExclusive = membership.sharing == .exclusive
        try await questions.ask(doing) { [administration, topic = membership.topic] (client) throws(BusError) in
            _ = try client.partitionCounts(of: topic, doing)
            guard isExclusive else { return }
            let hidden = KafkaNames.activeTopic(ofGroup: groupID)
            try administration.create(hidden, partitions: 1, retention: nil, client)
        }
        let member = KafkaMember(membership, groupID: groupID, questions, settings)
        member.start(health)
        return member
    }

    public func holdPlace(
        inGroup group: String, topic: String, name: String
    ) async throws(BusError) -> any GroupPlaceholder {
        let doing = "holding a place in the group ‘\(group)’ of ‘\(topic)’"
        try await questions.ask(doing) { [administration, names] (client) throws(BusError) in
            try administration.create(names.placeTopic, partitions: 1, retention: nil, client)
        }
        let membership = Membership(
            topic: names.placeTopic, group: group, name: KafkaNames.placeholder(name), releaseTimeout: .zero)
        let placeholder = KafkaPlaceholder(groupID: names.groupID(group, topic: topic))
        placeholder.start(membership, settings, health)
        return placeholder
    }

    public func read(topic: String, from offsets: [Int: Int64]) async throws(BusError) -> any TopicReader {
        let topic = names.topic(topic)
        try await questions.check(offsets, of: topic, "reading \(topic)")
        let result: Result<KafkaTopicReader, BusError> = await NamedThread.run("kafka-open") { [settings, health] in
            do throws(BusError) {
                return .success(try KafkaTopicReader(topic: topic, from: offsets, settings, health))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    public func close() async {
        await producer.close()
        await questions.close()
    }

    /// Makes the senders know a topic that was made or grown.
    func learn(_ topic: String) async throws(BusError) { try await producer.learn(topic) }
}
