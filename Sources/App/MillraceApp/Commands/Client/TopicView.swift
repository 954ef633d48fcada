import MillraceCore
import MillracePorts

/// A topic with the group that reads it.
struct TopicView: Sendable {
    var topic: TopicDescription
    var groupName: String?
    var group: GroupDescription?
    /// Why nothing is known of the group, where the topic is known.
    var groupError: BusError?

    /// The group of a topic: a task's has the topic's name; nil where nobody reads as a group.
    static func groupName(ofTopic topic: String) -> String? {
        switch topic {
        case Topic.orchestrator: "orchestrator"
        case Topic.system: "monitor-system"
        case Topic.resource, Topic.deadLetter: nil
        default: topic
        }
    }

    init(_ topic: TopicDescription, on bus: any MessageBus) async throws(BusError) {
        self.init(topic: topic, groupName: Self.groupName(ofTopic: topic.name), group: nil)
        guard let groupName else { return }
        do throws(BusError) {
            group = try await bus.describe(group: groupName, topic: topic.name)
        } catch {
            // While members divide the partitions, the topic is of interest all the more.
            guard error.code == .unavailable else { throw error }
            groupError = error
        }
    }

    init(topic: TopicDescription, groupName: String?, group: GroupDescription?) {
        self.topic = topic
        self.groupName = groupName
        self.group = group
    }

    /// All topics, by name. A group that does not answer holds up none of the others.
    static func all(on bus: any MessageBus) async throws -> [TopicView] {
        let topics = try await bus.topics()
        return try await withThrowingTaskGroup(of: TopicView.self) { tasks in
            for topic in topics { tasks.addTask { try await TopicView(topic, on: bus) } }
            return try await tasks.reduce(into: []) { $0.append($1) }.sorted { $0.topic.name < $1.topic.name }
        }
    }

    var records: Int { topic.partitions.reduce(0) { $0 + Int($1.end - $1.begin) } }
    var lag: Int? { group?.lag(in: topic) }

    private func owner(of partition: Int) -> String? {
        group?.members.first { $0.partitions.contains(partition) }?.name
    }

    // MARK: For people

    static func table(_ topics: [TopicView]) -> Table {
        var table = Table([
            ("topic", .left), ("partitions", .right), ("records", .right), ("group", .left), ("members", .right),
            ("lag", .right),
        ])
        for view in topics {
            table.add([
                view.topic.name, String(view.topic.partitions.count), String(view.records),
                view.groupName ?? Wording.unknown, Wording.number(view.group?.members.count), Wording.number(view.lag),
            ])
        }
        return table
    }

    var groupProblem: String? { groupError.map { $0.cause ?? "\($0)" } }

    /// The group's name, and what is wrong with it.
    var groupLine: String { (groupName ?? Wording.unknown) + (groupProblem.map { " (\($0))" } ?? "") }

    var partitionTable: Table {
        // Of a bus that has brokers.
        let isPlaced = topic.partitions.contains { $0.placement != nil }
        var table = Table(
            [
                ("partition", .right), ("begin", .right), ("end", .right), ("records", .right), ("committed", .right),
                ("lag", .right), ("owner", .left),
            ] + (isPlaced ? [("leader", .right), ("replicas", .left), ("in sync", .left)] : []))
        for partition in topic.partitions {
            let alone = TopicDescription(name: topic.name, partitions: [partition])
            let placement = partition.placement
            let brokers = [
                Wording.number(placement?.leader), Self.text(placement?.replicas), Self.text(placement?.inSync),
            ]
            table.add(
                [
                    String(partition.number), String(partition.begin), String(partition.end),
                    String(partition.end - partition.begin),
                    group?.committed[partition.number].map { String($0) } ?? Wording.unknown,
                    Wording.number(group?.lag(in: alone)), owner(of: partition.number) ?? Wording.unknown,
                ] + (isPlaced ? brokers : []))
        }
        return table
    }

    private static func text(_ brokers: [Int]?) -> String {
        brokers.map { $0.map { String($0) }.joined(separator: ",") } ?? Wording.unknown
    }

    // MARK: For programs

    static func json(_ topics: [TopicView]) -> String {
        var writer = JSONWriter()
        writer.beginArray()
        for view in topics {
            writer.beginObject()
            writer.field("topic", view.topic.name)
            writer.field("partitions", view.topic.partitions.count)
            writer.field("records", view.records)
            view.writeGroup(to: &writer)
            writer.endObject()
        }
        writer.endArray()
        return writer.text
    }

    var json: String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.field("topic", topic.name)
        writer.field("records", records)
        writeGroup(to: &writer)
        writer.key("partitions")
        writer.beginArray()
        for partition in topic.partitions {
            writer.beginObject()
            writer.field("partition", partition.number)
            writer.field("begin", Int(partition.begin))
            writer.field("end", Int(partition.end))
            writer.field("committed", orNull: group?.committed[partition.number].map { .integer(Int($0)) })
            writer.field("owner", orNull: owner(of: partition.number).map { .string($0) })
            if let placement = partition.placement {
                writer.field("leader", orNull: placement.leader.map { .integer($0) })
                writer.field("replicas", orNull: .array(placement.replicas.map { .integer($0) }))
                writer.field("inSync", orNull: .array(placement.inSync.map { .integer($0) }))
            }
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.text
    }

    private func writeGroup(to writer: inout JSONWriter) {
        writer.field("group", orNull: groupName.map { .string($0) })
        if let groupProblem { writer.field("groupProblem", groupProblem) }
        writer.field("lag", orNull: lag.map { .integer($0) })
        writer.key("members")
        writer.beginArray()
        for name in (group?.members ?? []).map(\.name).sorted() { writer.string(name) }
        writer.endArray()
    }
}
