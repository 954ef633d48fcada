import MillraceCore
import MillracePorts
import MillraceTesting
import SQLiteBus
import Testing

@testable import MillraceApp

extension EndToEnd {
    /// Records that no service of ours would send: each is put away with its reason, and services go on.
    @Suite struct PoisonTests {
        /// What is wrong with a record of any topic.
        static let anyTopic: [(what: String, key: String?, value: String?)] = [
            ("no key", nil, #"{"v": 1}"#), ("no value", "ORDER", nil), ("neither", nil, nil), ("empty", "ORDER", ""),
            ("no JSON", "ORDER", #"{"v": 1, "#), ("no object", "ORDER", "[]"),
            ("no kind of ours", "MAGIC", #"{"v": 1}"#),
            ("an empty key", "", #"{"v": 1}"#), ("no version", "ORDER", "{}"),
            ("a later version", "ORDER", #"{"v": 2, "order": "nobody"}"#), ("no fields", "ORDER", #"{"v": 1}"#),
            ("a number for an order", "ORDER", #"{"v": 1, "order": 7}"#),
            ("an endless number", "ORDER", #"{"v": 1, "order": "nobody", "step": 99999999999999999999999}"#),
            ("a deep hole", "ORDER", #"{"v": 1, "x": \#(String(repeating: "[", count: 50_000))"#),
        ]

        @Test(arguments: [Topic.orchestrator, Topic.system, Topic.resource, "copy"])
        func `what cannot be read goes to the dead letters with its reason`(topic: String) async throws {
            try await FaultSite.with { site, image in
                // A replica of the task is there then, and reads what comes.
                try await site.expectControlFinishes("before", image)
                var sent: [RecordPosition] = []
                try await site.withBus { bus in
                    for bad in Self.anyTopic {
                        sent += try await bus.publish([
                            OutgoingRecord(
                                topic: topic, partition: 0, key: bad.key, value: bad.value.map { Array($0.utf8) })
                        ])
                    }
                }
                try await site.expectControlFinishes("after", image)
                let letters = try await expectLetters(site, sent.count)
                for (position, bad) in zip(sent, Self.anyTopic) {
                    let letter = letters.first { $0.header("offset") == String(position.offset) }
                    #expect(letter?.header("topic") == topic, "\(bad.what)")
                    #expect(letter?.header("partition") == "0", "\(bad.what)")
                    #expect(letter?.header("reason")?.isEmpty == false, "\(bad.what)")
                    #expect(letter?.key == bad.key, "\(bad.what)")
                    #expect(letter?.value == bad.value.map { Array($0.utf8) }, "\(bad.what)")
                }
                #expect(try await site.lag(tasks: ["copy", "noop"]) == 0)
            }
        }

        @Test(arguments: [
            (Topic.orchestrator, "PROGRESS", #"{"v": 2, "order": {"id": "named"}}"#),
            (
                Topic.orchestrator, "START",
                #"{"v": 1, "order": {"id": "named", "image": "IMAGE", "tasks": ["nobodys"]}}"#
            ),
            (Topic.system, "TASK", #"{"v": 1, "order": "named", "step": 64, "task": "pause", "state": "running"}"#),
            (Topic.resource, "HALT", #"{"v": 1, "order": "named", "step": 0}"#),
            (
                "copy", "ORDER",
                #"{"v": 1, "order": {"id": "named", "image": "IMAGE", "tasks": ["pause"]}, "step": 0, "input": "IMAGE"}"#
            ),
        ])
        func `the order that it names fails with the reason`(topic: String, kind: String, value: String) async throws {
            try await FaultSite.with { site, image in
                try await site.expectControlFinishes("before", image)
                // Under way for long enough that what comes meanwhile ends it.
                let order = try site.order("named", ["pause", "pause", "copy"], image: image)
                try await site.submit(order)
                try await eventually("the order to run") { try await site.view(order.id).state == .running }
                let bytes = Array(value.replacing("IMAGE", with: image.description).utf8)
                try await site.withBus { bus in
                    _ = try await bus.publish([
                        OutgoingRecord(topic: topic, partition: 0, key: kind, value: bytes)
                    ])
                }
                let letters = try await expectLetters(site, 1)
                let view: OrderView = try await eventually("the end of the order") {
                    let view = try await site.view(order.id)
                    return view.state.hasEnded ? view : nil
                }
                #expect(view.state == .failed)
                #expect(view.reason == letters[0].header("reason"))
                try await site.expectControlFinishes("after", image)
                #expect(try await site.view(order.id).state == .failed)
            }
        }

        @Test func `well-formed nonsense changes nothing`() async throws {
            try await FaultSite.with { site, image in
                try await site.expectControlFinishes("before", image)
                let nonsense: [(String, String, String)] = [
                    (
                        Topic.orchestrator, "OWNER",
                        #"{"v": 1, "task": "copy", "instance": "nobody", "partitions": [4096]}"#
                    ),
                    (
                        Topic.orchestrator, "OWNER",
                        #"{"v": 1, "task": "nobodys", "instance": "nobody", "partitions": [0]}"#
                    ),
                    (Topic.orchestrator, "SERVICE", #"{"v": 1, "task": "nobodys", "replicas": 1, "number": 1}"#),
                    (Topic.orchestrator, "SERVICE", #"{"v": 1, "task": "copy", "replicas": -1, "number": 1}"#),
                    (Topic.system, "TASK", #"{"v": 1, "order": "nobody", "step": 0, "task": "copy", "run": "1"}"#),
                ]
                try await site.withBus { bus in
                    for (topic, kind, value) in nonsense {
                        let record = OutgoingRecord(topic: topic, partition: 0, key: kind, value: Array(value.utf8))
                        _ = try await bus.publish([record])
                    }
                    // Of orders that nobody has submitted, and of one that has ended: nothing to put away.
                    for id in ["nobody", "before"] {
                        let end = #"{"v": 1, "order": "\#(id)", "state": "failed", "at": "2026-01-01T00:00:00Z"}"#
                        let record = OutgoingRecord(
                            topic: Topic.system, partition: 0, key: "ORDER", value: Array(end.utf8))
                        _ = try await bus.publish([record])
                    }
                }
                try await site.expectControlFinishes("after", image)
                _ = try await expectLetters(site, nonsense.count)
                #expect(try await site.view(try OrderID("before")).state == .finished)
                #expect(await site.http.get("/v1/orders/nobody")?.status == 404)
            }
        }

        private func expectLetters(_ site: Site, _ count: Int) async throws -> [BusRecord] {
            let letters: [BusRecord] = try await eventually("\(count) dead letters", within: .seconds(15)) {
                let letters = try await site.deadLetters()
                return letters.count >= count ? letters : nil
            }
            try expectEqual(letters.count, count, "dead letters: \(letters.map { $0.header("reason") ?? "" })")
            return letters
        }
    }
}
