import KafkaBus
import MillraceCore
import MillracePorts

/// What doctor has to say of the topics of a cluster.
struct KafkaTopics {
    static let own = [Topic.orchestrator, Topic.system, Topic.resource, Topic.deadLetter]

    private let found: [String: [TopicDescription.Placement]]
    private let tasks: [String]
    private let partitions: Int

    init(_ cluster: KafkaCheck, _ settings: Settings) {
        self.init(cluster.topics, tasks: settings.tasks.keys.map(\.text), partitions: settings.partitions)
    }

    /// - Parameter partitions: as many as a task's topic is to have.
    init(_ found: [String: [TopicDescription.Placement]], tasks: [String], partitions: Int) {
        self.found = found
        self.tasks = tasks.sorted()
        self.partitions = partitions
    }

    private var expected: [String] { Self.own + tasks }
    private var present: [String] { expected.filter { found[$0] != nil } }

    /// Those of Millrace that are not there.
    var missing: [String] { expected.filter { found[$0] == nil } }
    /// Those that groups read.
    var read: [String] { present.filter { TopicView.groupName(ofTopic: $0) != nil } }
    /// A topic that is grown when it has to be, with its partitions.
    var growable: (topic: String, partitions: Int)? {
        tasks.lazy.compactMap { name in found[name].map { (name, $0.count) } }.first
    }

    var checks: [DoctorCheck] {
        let all = [leaders, copies, small].compactMap { $0 }
        let there = "\(present.count) of \(Wording.count(expected.count, "topic"))"
        let rest = missing.isEmpty ? "" : "; made by `millrace up`: \(missing.joined(separator: ", "))"
        return [.ok("topics", there + rest)] + all
    }

    private var leaders: DoctorCheck? {
        let partitions = partitions { $0.leader == nil }
        guard !partitions.isEmpty else { return nil }
        return .fail(
            "topics", "nobody leads \(partitions.joined(separator: ", "))",
            "start the brokers that keep them: `millrace topics describe TOPIC` tells which", isUnreachable: true)
    }

    private var copies: DoctorCheck? {
        let partitions = partitions { $0.leader != nil && $0.inSync.count < $0.replicas.count }
        guard !partitions.isEmpty else { return nil }
        return .warn(
            "topics", "not all copies are whole of \(partitions.joined(separator: ", "))",
            "see which brokers are away or behind: `millrace topics describe TOPIC`")
    }

    private var small: DoctorCheck? {
        let few = tasks.compactMap { name in found[name].flatMap { $0.count < partitions ? (name, $0.count) : nil } }
        guard let first = few.first else { return nil }
        let list = few.map { "\($0) has \($1)" }.joined(separator: ", ")
        return .warn(
            "topics", "fewer partitions than the setting (\(partitions)): \(list)",
            """
            `millrace topics grow \(first.0) --partitions \(partitions)`; a service that starts does it too, if it may
            """)
    }

    /// As in `copy/3`, the first ten.
    private func partitions(_ isWrong: (TopicDescription.Placement) -> Bool) -> [String] {
        let all = present.flatMap { name in
            (found[name] ?? []).enumerated().filter { isWrong($1) }.map { "\(name)/\($0.offset)" }
        }
        return all.count > 10 ? all.prefix(10) + ["\(all.count - 10) more"] : all
    }
}
