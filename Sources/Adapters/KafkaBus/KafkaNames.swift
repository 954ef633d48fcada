/// What topics and groups are called on the cluster.
struct KafkaNames: Sendable {
    /// Of all topics and groups of this bus.
    let prefix: String

    func topic(_ name: String) -> String { prefix + name }

    /// A group's name carries its topic, since a group of ours reads one topic.
    func groupID(_ group: String, topic: String) -> String {
        prefix + (group == topic ? group : "\(topic).\(group)")
    }

    private static let activePrefix = "_active."

    /// The hidden topic of one partition: who owns that is the active member of an exclusive group.
    static func activeTopic(ofGroup groupID: String) -> String { activePrefix + groupID }

    /// The hidden topic of one partition that placeholders subscribe to, so that they are members of their groups and own
    /// nothing of the groups' topics.
    var placeTopic: String { prefix + Self.place }

    private static let place = "_place"

    /// What a placeholder is called in its group.
    static func placeholder(_ name: String) -> String { "\(place).\(name)" }

    static func isPlaceholder(_ member: String) -> Bool { member.hasPrefix(place + ".") }

    /// What a topic of the cluster is called on this bus; nil for one that is another's, or is there for a bus or the
    /// cluster itself.
    func name(of topic: String) -> String? {
        guard topic.hasPrefix(prefix) else { return nil }
        let name = String(topic.dropFirst(prefix.count))
        let isHidden = name.hasPrefix(Self.activePrefix) || name == Self.place || name.hasPrefix("__")
        return isHidden ? nil : name
    }

    /// Whether a topic was made by this bus, hidden or not; any may have been where there is no prefix.
    func isOurs(_ topic: String) -> Bool {
        topic.hasPrefix(prefix) || topic.hasPrefix(Self.activePrefix + prefix)
    }
}
