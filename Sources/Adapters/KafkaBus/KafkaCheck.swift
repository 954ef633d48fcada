internal import MillraceCore
public import MillracePorts
internal import Platform

/// What doctor may know of a cluster without changing anything in it.
public struct KafkaCheck: Sendable {
    /// nil where the cluster does not tell.
    public var clusterID: String?
    /// Those that are there now.
    public var brokers: [Int]
    /// As the broker that was asked has it in `inter.broker.protocol.version`, as in `3.9`: that of its software unless
    /// somebody set it. nil where it does not tell, as brokers do from 4.0 on, and where this user may not ask.
    public var version: String?
    /// How long brokers keep an idle group's offsets; nil where they do not tell.
    public var offsetRetention: Duration?
    /// The library's, as in `2.0.2`.
    public var library: String
    /// Where partitions are, in the order of their numbers, by topic; Millrace's hidden ones are not in it.
    public var topics: [String: [TopicDescription.Placement]]
}

/// What it took to publish a record.
public struct KafkaProbe: Sendable {
    /// From the sender's thread until the acknowledgement was there.
    public var roundTrip: Duration
    /// The broker's clock less this machine's, in seconds: to half of ``roundTrip`` and a millisecond.
    public var clockDifference: Double
}

extension KafkaBus {
    /// Asks the cluster what it is, and what it has.
    /// - Throws: as ``check()``.
    public func look() async throws(BusError) -> KafkaCheck {
        let doing = "reaching Kafka at \(settings.bootstrapServers)"
        return try await questions.ask(doing) { [names] (client) throws(BusError) in
            var check = try client.look(doing)
            let named = check.topics.compactMap { topic, found in names.name(of: topic).map { ($0, found) } }
            check.topics = Dictionary(uniqueKeysWithValues: named)
            return check
        }
    }

    /// What would keep this user from making a topic, or from giving it more partitions than it has; nil if nothing would.
    /// Nothing is made.
    public func obstacle(toMaking topic: String) async -> BusError? {
        await obstacle("creating the topic ‘\(topic)’") { [administration, names] (client) throws(BusError) in
            try administration.create(names.topic(topic), partitions: 1, retention: nil, isTrial: true, client)
        }
    }

    /// - Parameter partitions: more than it has.
    public func obstacle(toGrowing topic: String, to partitions: Int) async -> BusError? {
        await obstacle("growing the topic ‘\(topic)’") { [administration, names] (client) throws(BusError) in
            try administration.grow(names.topic(topic), to: partitions, isTrial: true, client)
        }
    }

    private func obstacle(
        _ doing: String, _ attempt: @escaping @Sendable (KafkaClient) throws(BusError) -> Void
    ) async -> BusError? {
        do throws(BusError) {
            try await questions.ask(doing, attempt)
            return nil
        } catch {
            return error
        }
    }

    /// How long new topics keep their records, unless the settings say otherwise: brokers must keep an idle group's
    /// offsets for longer.
    public static let defaultRetention = KafkaSettings(bootstrapServers: "").minimumRetention

    /// What a group is called on the cluster.
    public func groupID(_ group: String, topic: String) -> String { names.groupID(group, topic: topic) }

    /// The hidden topic that ``probe()`` publishes to.
    public static let probeTopic = KafkaNames.activeTopic(ofGroup: "doctor")

    /// Publishes two small records to a hidden topic, which is made if it is not there, and reads the second: so it is
    /// seen that this user may, how long it takes, and what the broker's clock says.
    public func probe() async throws(BusError) -> KafkaProbe {
        let topic = Self.probeTopic
        try await createTopic(topic, partitions: 1, retention: .zero)
        let record = OutgoingRecord(topic: topic, partition: 0, key: "PROBE", value: [])
        // Connects; only the other is measured.
        try await publish([record])
        let started = ContinuousClock.now
        let before = SystemClock.wallMicroseconds
        let position = try await publish([record])[0]
        let roundTrip = ContinuousClock.now - started
        let sent = before + roundTrip.microseconds / 2
        let taken = try await read(at: position)
        return KafkaProbe(roundTrip: roundTrip, clockDifference: Double(taken - sent) / 1e6)
    }

    /// When the broker took the record, in microseconds since 1970.
    private func read(at position: RecordPosition) async throws(BusError) -> Int64 {
        let doing = "reading \(position.topic)"
        let reader = try await read(topic: position.topic, from: [position.partition: position.offset])
        let limit = settings.requestTimeout
        let result = await withTaskGroup(of: Result<BusRecord?, BusError>.self) { tasks in
            tasks.addTask {
                do throws(BusError) { return .success(try await reader.next(limit: 1).first) } catch {
                    return .failure(error)
                }
            }
            tasks.addTask {
                try? await Task.sleep(for: limit)
                return .failure(BusError(.unavailable, doing, cause: "no record came within \(limit)"))
            }
            let first = await tasks.next()
            tasks.cancelAll()
            return first ?? .success(nil)
        }
        await reader.close()
        guard let record = try result.get() else { throw BusError(.unavailable, doing) }
        return record.publishedAt.microseconds
    }
}
