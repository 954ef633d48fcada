import MillraceCore
import MillracePorts

/// A topic with the group that reads it.
struct TopicView: Sendable {
    var topic: TopicDescription
    var groupName: String?
    var group: GroupDescription?

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
        self.topic = topic
        groupName = Self.groupName(ofTopic: topic.name)
        if let groupName { group = try await bus.describe(group: groupName, topic: topic.name) }
    }

    init(topic: TopicDescription, groupName: String?, group: GroupDescription?) {
        self.topic = topic
        self.groupName = groupName
        self.group = group
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

    var partitionTable: Table {
        var table = Table([
            ("partition", .right), ("begin", .right), ("end", .right), ("records", .right), ("committed", .right),
            ("lag", .right), ("owner", .left),
        ])
        for partition in topic.partitions {
            let alone = TopicDescription(name: topic.name, partitions: [partition])
            table.add([
                String(partition.number), String(partition.begin), String(partition.end),
                String(partition.end - partition.begin),
                group?.committed[partition.number].map { String($0) } ?? Wording.unknown,
                Wording.number(group?.lag(in: alone)), owner(of: partition.number) ?? Wording.unknown,
            ])
        }
        return table
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
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.text
    }

    private func writeGroup(to writer: inout JSONWriter) {
        writer.field("group", orNull: groupName.map { .string($0) })
        writer.field("lag", orNull: lag.map { .integer($0) })
        writer.key("members")
        writer.beginArray()
        for name in (group?.members ?? []).map(\.name).sorted() { writer.string(name) }
        writer.endArray()
    }
}
