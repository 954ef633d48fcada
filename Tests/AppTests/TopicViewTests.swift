import MillraceCore
import MillracePorts
import Testing

@testable import MillraceApp

struct TopicViewTests {
    private func view(_ placement: TopicDescription.Placement?) -> TopicView {
        TopicView(
            topic: TopicDescription(
                name: "copy", partitions: [.init(number: 0, begin: 2, end: 7, placement: placement)]),
            groupName: "copy",
            group: GroupDescription(members: [.init(name: "copy-1", partitions: [0])], committed: [0: 4]))
    }

    @Test func `a partition is shown with what is in it, who reads it, and on which brokers it is`() {
        let placed = view(.init(leader: 2, replicas: [2, 3], inSync: [2]))
        #expect(
            placed.partitionTable.lines == [
                "PARTITION  BEGIN  END  RECORDS  COMMITTED  LAG  OWNER   LEADER  REPLICAS  IN SYNC",
                "        0      2    7        5          4    3  copy-1       2  2,3       2",
            ])
        #expect(placed.json.contains(#""leader":2,"replicas":[2,3],"inSync":[2]"#), "\(placed.json)")
        #expect(view(.init(leader: nil, replicas: [3], inSync: [])).json.contains(#""leader":null"#))
    }

    @Test func `a bus without brokers has no such columns`() {
        #expect(view(nil).partitionTable.lines[0].hasSuffix("OWNER"))
        #expect(!view(nil).json.contains("leader"))
    }

    @Test func `a group that does not answer hides nothing of its topic, and is not zero`() {
        var view = view(nil)
        view.group = nil
        view.groupError = BusError(
            .unavailable, "describing the group", cause: "its members are still dividing the partitions")
        #expect(TopicView.table([view]).lines[1] == "copy            1        5  copy         –    –")
        #expect(view.groupLine == "copy (its members are still dividing the partitions)")
        #expect(view.json.contains(#""groupProblem":"its members"#))
        #expect(view.json.contains(#""lag":null"#))
    }
}
