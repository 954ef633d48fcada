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
            try Test.cancel("\(name): \(reason)")
        }
    }

    static let mock = Broker(
        name: "librdkafka’s mock cluster",
        missing: [
            ("an unknown topic or partition", "it makes each topic that it is asked for"),
            ("a group’s lag", "it describes no groups"), ("a group's lag", "it describes no groups"),
            ("a topic is made once, grows", "it cannot grow a topic"),
            ("a group takes a grown topic", "it cannot grow a topic"),
        ])

    static let noida = Broker(
        name: "noida-db",
        missing: [])
}
