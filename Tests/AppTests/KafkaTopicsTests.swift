import MillraceCore
import MillracePorts
import Testing

@testable import MillraceApp

struct KafkaTopicsTests {
    private let whole = TopicDescription.Placement(leader: 1, replicas: [1, 2], inSync: [1, 2])

    private func topics(_ copy: [TopicDescription.Placement], partitions: Int = 2) -> KafkaTopics {
        let own = KafkaTopics.own.map { ($0, [whole]) }
        return KafkaTopics(
            Dictionary(uniqueKeysWithValues: own + [("copy", copy)]), tasks: ["copy"], partitions: partitions)
    }

    @Test func `topics as they should be are one line`() {
        #expect(topics([whole, whole]).checks == [.ok("topics", "5 of 5 topics")])
    }

    @Test func `what is missing is named`() {
        let none = KafkaTopics([:], tasks: ["copy"], partitions: 2)
        #expect(none.missing == KafkaTopics.own + ["copy"])
        #expect(none.checks.map(\.status) == [.ok])
        #expect(none.checks[0].detail.contains("0 of 5 topics; made by `millrace up`: orchestrator"))
        #expect(none.growable == nil)
    }

    @Test func `a partition that nobody leads fails, one with a copy behind and too few are warned of`() {
        let checks = topics([.init(leader: nil, replicas: [3], inSync: []), whole]).checks
        #expect(checks.map(\.status) == [.ok, .fail])
        #expect(checks[1].detail == "nobody leads copy/0")
        let behind = topics([whole, .init(leader: 1, replicas: [1, 2], inSync: [1])]).checks
        #expect(behind.map(\.status) == [.ok, .warn])
        #expect(behind[1].detail == "not all copies are whole of copy/1")
        let few = topics([whole], partitions: 3).checks
        #expect(few.map(\.status) == [.ok, .warn])
        #expect(few[1].detail == "fewer partitions than the setting (3): copy has 1")
        #expect(few[1].remedy?.hasPrefix("`millrace topics grow copy --partitions 3`") == true)
    }
}
