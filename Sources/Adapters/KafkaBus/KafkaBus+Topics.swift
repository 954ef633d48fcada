public import MillracePorts

extension KafkaBus {
    public func createTopic(_ name: String, partitions: Int, retention: Duration) async throws(BusError) {
        let doing = "creating the topic ‘\(name)’"
        let topic = names.topic(name)
        try await questions.ask(doing) { [administration] (client) throws(BusError) in
            try administration.create(topic, partitions: max(1, partitions), retention: retention, client)
            try client.awaitTopic(topic, partitions: 1, doing)
            // It was there before, with fewer.
            guard try client.partitionCounts(of: topic, doing)[topic] ?? 0 < partitions else { return }
            try administration.grow(topic, to: partitions, client)
            try client.awaitTopic(topic, partitions: partitions, doing)
        }
        try await learn(name)
    }

    public func growTopic(_ name: String, to partitions: Int) async throws(BusError) {
        let doing = "growing the topic ‘\(name)’"
        let topic = names.topic(name)
        let hasGrown = try await questions.ask(doing) { [administration] (client) throws(BusError) in
            guard administration.capabilities.contains(.growth) else { throw BusError(.unsupported, doing) }
            let count = try client.partitionCounts(of: topic, doing)[topic] ?? 0
            guard count < partitions else { return false }
            try administration.grow(topic, to: partitions, client)
            try client.awaitTopic(topic, partitions: partitions, doing)
            return true
        }
        if hasGrown { try await learn(name) }
    }

    public func topics() async throws(BusError) -> [TopicDescription] {
        let doing = "listing topics"
        return try await questions.ask(doing) { [names] (client) throws(BusError) in
            var found: [TopicDescription] = []
            for (topic, placements) in try client.placements(doing).sorted(by: { $0.key < $1.key }) {
                guard let name = names.name(of: topic) else { continue }
                found.append(
                    TopicDescription(name: name, partitions: try client.bounds(of: topic, placements, doing)))
            }
            return found
        }
    }

    public func describe(topic: String) async throws(BusError) -> TopicDescription {
        let doing = "describing the topic ‘\(topic)’"
        return try await questions.ask(doing) { [names] (client) throws(BusError) in
            let full = names.topic(topic)
            let found = try client.placements(of: full, doing)[full] ?? []
            return TopicDescription(name: topic, partitions: try client.bounds(of: full, found, doing))
        }
    }

    public func describe(group: String, topic: String) async throws(BusError) -> GroupDescription {
        let doing = "describing the group ‘\(group)’ of ‘\(topic)’"
        let groupID = names.groupID(group, topic: topic)
        let full = names.topic(topic)
        let end = ContinuousClock.now + settings.requestTimeout
        while true {
            let found = try await questions.ask(doing) { [administration] (client) throws(BusError) in
                try client.describe(groupID: groupID, topic: full, administration, doing)
            }
            if let found { return found }
            guard ContinuousClock.now < end, !Task.isCancelled else {
                throw BusError(.unavailable, doing, cause: "its members are still dividing the partitions")
            }
            // Kafka tells nobody when a group has settled.
            try? await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Deletes all topics of this bus, with their records: for what was there for a time only.
    /// - Throws: `unsupported` without a ``KafkaSettings/topicPrefix``, which alone tells which topics are this bus's.
    public func deleteTopics() async throws(BusError) {
        let doing = "deleting the topics of ‘\(names.prefix)’"
        guard !names.prefix.isEmpty else { throw BusError(.unsupported, doing) }
        try await questions.ask(doing) { [administration, names] (client) throws(BusError) in
            let topics = try client.partitionCounts(doing).keys.filter { names.isOurs($0) }
            if !topics.isEmpty { try administration.delete(topics.sorted(), client) }
        }
    }
}

extension KafkaClient {
    /// Waits until brokers tell of a topic that was just made or grown: they hear of it one after another.
    func awaitTopic(_ topic: String, partitions: Int, _ doing: String) throws(BusError) {
        let end = ContinuousClock.now + settings.requestTimeout
        while true {
            do throws(BusError) {
                if try partitionCounts(of: topic, doing)[topic] ?? 0 >= partitions { return }
            } catch {
                guard error.code == .unknownTopic else { throw error }
            }
            guard ContinuousClock.now < end else {
                throw BusError(.unavailable, doing, cause: "the brokers do not tell of it yet")
            }
            // Also brings error events in; nothing else wakes us.
            pollEvents(atMost: .milliseconds(20))
        }
    }

    /// - Returns: nil while it is not settled who owns what.
    func describe(
        groupID: String, topic: String, _ administration: any KafkaAdministration, _ doing: String
    ) throws(BusError) -> GroupDescription? {
        guard let members = try administration.members(of: groupID, self) else { return nil }
        let count = try partitionCounts(of: topic, doing)[topic] ?? 0
        let committed = try committed(group: groupID, topic: topic, count: count, doing)
        let hidden = KafkaNames.activeTopic(ofGroup: groupID)
        return GroupDescription(
            members: members.filter { !KafkaNames.isPlaceholder($0.name) }.map { member in
                let isActive = member.partitions[hidden]?.isEmpty == false
                return .init(
                    name: member.name, partitions: isActive ? Set(0..<count) : member.partitions[topic] ?? [])
            }, committed: committed)
    }
}

extension KafkaQuestions {
    /// Checks that a topic has these offsets: that each is of a record that is there, or of the next one.
    /// - Throws: `unknownTopic`, `unknownPartition`, `offsetOutOfRange`.
    func check(_ offsets: [Int: Int64], of topic: String, _ doing: String) async throws(BusError) {
        let bounds = try await ask(doing) { (client) throws(BusError) in
            let found = try client.placements(of: topic, doing)[topic] ?? []
            return try client.bounds(of: topic, found, doing)
        }
        for (partition, offset) in offsets {
            guard bounds.indices.contains(partition) else {
                throw BusError(.unknownPartition, doing, cause: "partition \(partition); it has \(bounds.count)")
            }
            let bound = bounds[partition]
            guard offset >= bound.begin, offset <= bound.end else {
                throw BusError(
                    .offsetOutOfRange, doing,
                    cause: "\(offset) of partition \(partition) is not within \(bound.begin)…\(bound.end)")
            }
        }
    }
}
