/// What topics and groups are called on the cluster.
enum KafkaNames {
    /// A group's name carries its topic, since a group of ours reads one topic.
    static func groupID(_ group: String, topic: String) -> String { group == topic ? group : "\(topic).\(group)" }

    private static let activePrefix = "_active."

    /// The hidden topic of one partition: who owns that is the active member of an exclusive group.
    static func activeTopic(ofGroup groupID: String) -> String { activePrefix + groupID }

    /// Whether a topic is there for the bus or the cluster itself.
    static func isHidden(_ topic: String) -> Bool { topic.hasPrefix(activePrefix) || topic.hasPrefix("__") }
}
