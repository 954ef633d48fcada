/// What topics and groups are called on the cluster.
enum KafkaNames {
    /// A group's name carries its topic, since a group of ours reads one topic.
    static func groupID(_ group: String, topic: String) -> String { group == topic ? group : "\(topic).\(group)" }

    private static let activePrefix = "_active."

    /// The hidden topic of one partition: who owns that is the active member of an exclusive group.
    static func activeTopic(ofGroup groupID: String) -> String { activePrefix + groupID }

    /// The hidden topic of one partition that placeholders subscribe to, so that they are members of their groups and own
    /// nothing of the groups' topics.
    static let placeTopic = "_place"

    private static let placePrefix = "_place."

    /// What a placeholder is called in its group.
    static func placeholder(_ name: String) -> String { placePrefix + name }

    static func isPlaceholder(_ member: String) -> Bool { member.hasPrefix(placePrefix) }

    /// Whether a topic is there for the bus or the cluster itself.
    static func isHidden(_ topic: String) -> Bool {
        topic.hasPrefix(activePrefix) || topic == placeTopic || topic.hasPrefix("__")
    }
}
