import Foundation
import KafkaBus
import MillracePorts
import MillraceTesting
import Testing

/// A broker that conformance is tested on, and what it cannot do.
struct Broker: Sendable {
    var name: String
    /// The beginnings of promises that it cannot keep, with the reason: each is shown as skipped.
    var missing: [(promise: String, reason: String)] = []

    /// Ends the test as skipped, saying so, if the broker cannot keep the promise.
    func skipIfMissing(_ promise: Promise<BusFixture>) throws {
        for (start, reason) in missing where promise.description.hasPrefix(start) {
            try Self.skip("‘\(promise)’ on \(name): \(reason)")
        }
    }

    /// Ends the test as skipped. A cancelled case leaves no line of its own, so this writes one.
    static func skip(_ what: String) throws -> Never {
        FileHandle.standardError.write(Data("skipped: \(what)\n".utf8))
        try Test.cancel("\(what)")
    }

    static let mock = Broker(
        name: "librdkafka’s mock cluster",
        missing: [
            ("an unknown topic or partition", "it makes each topic that it is asked for"),
            ("a group's lag", "it describes no groups"), ("a placeholder owns nothing", "it describes no groups"),
            // While a group rebalances, it counts no heartbeats.
            ("a partition moves only after", "it drops members that hold what they are asked for"),
            ("an exclusive group has one active member", "it drops members that are slow to join again"),
            // An empty group's first join takes 3 s there.
            ("members join and leave fifty times", "it would take three minutes"),
            ("a topic is made once, grows", "it cannot grow a topic"),
            ("a group takes a grown topic", "it cannot grow a topic"),
        ])

    static let noida = Broker(
        name: "noida-db",
        missing: [
            ("records come back", "it keeps one header of a name"),
            ("members share the partitions", several), ("a partition moves only after", several),
            ("a member that died", several), ("a placeholder owns nothing", several),
            ("a commit of a partition that is another's", several),
            ("an exclusive group has one active member", several),
        ])

    private static let several = "its groups misbehave with several members"
}
