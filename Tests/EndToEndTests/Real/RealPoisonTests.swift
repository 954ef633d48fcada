import Glibc
import KafkaBus
import MillraceCore
import MillracePorts
import MillraceTesting
import Platform
import Testing

@testable import MillraceApp

extension EndToEnd {
    /// What other producers put into Kafka's topics.
    @Suite struct RealPoisonTests {
        private static let bad: [(what: String, key: String?, value: [UInt8]?)] = [
            ("no value", "ORDER", nil), ("no key", nil, Array(#"{"v": 1}"#.utf8)), ("neither", nil, nil),
            ("empty", "ORDER", []), ("broken", "START", Array(#"{"v": 1, "#.utf8)),
            ("a later version", "START", Array(#"{"v": 9, "order": {"id": "nobody"}}"#.utf8)),
            // A letter of the whole of it would be larger than a bus takes.
            ("large", "START", Array(repeating: UInt8(ascii: "a"), count: 1_020_000)),
        ]

        @Test func `what another producer sends over Kafka goes to the dead letters with its reason`() async throws {
            try await RealSite.withKafka { site, ours in
                let process = try await site.up()
                let image = try await site.upload(Array("any bytes\n".utf8))
                try await finish("before", site, image)
                // As other producers do: compressed, and with limits of their own.
                var settings = ours
                settings.properties = ["message.max.bytes": "4000000", "compression.type": "gzip"]
                let bus = try KafkaBus(settings, logger: quiet)
                var sent: [RecordPosition] = []
                for topic in [Topic.orchestrator, Topic.system, Topic.resource, "copy"] {
                    for bad in Self.bad {
                        sent += try await bus.publish([
                            OutgoingRecord(topic: topic, partition: 0, key: bad.key, value: bad.value)
                        ])
                    }
                }
                try await finish("after", site, image)
                let letters = try await letters(of: sent, on: bus)
                await bus.close()
                for (position, letter) in zip(sent, letters) {
                    let bad = Self.bad[(sent.firstIndex(of: position) ?? 0) % Self.bad.count]
                    #expect(letter.header("reason")?.isEmpty == false, "\(position.topic): \(bad.what)")
                    #expect(letter.key == bad.key, "\(position.topic): \(bad.what)")
                    if bad.what == "large" {
                        #expect(letter.header("size").flatMap { Int($0) }.map { $0 > 1_020_000 } == true)
                    } else {
                        #expect(letter.value == bad.value, "\(position.topic): \(bad.what)")
                    }
                }
                #expect(!process.hasEnded)
                process.signal(SIGTERM)
                #expect(try await process.exit(within: .seconds(60)) == .exited(0))
            }
        }

        private func finish(_ id: String, _ site: Site, _ image: ImageReference) async throws {
            // Several runs may share a broker.
            let order = try site.order("\(id)-\(UInt32.random(in: 0 ... .max))", ["copy", "noop"], image: image)
            try await site.submit(order)
            #expect(try await site.end(of: order.id, within: .seconds(60)).state == .finished)
        }

        /// The letters of these records, in their order; the broker may have others of others.
        private func letters(of positions: [RecordPosition], on bus: KafkaBus) async throws -> [BusRecord] {
            let partitions = try await bus.describe(topic: Topic.deadLetter).partitions
            let reader = try await bus.read(
                topic: Topic.deadLetter,
                from: Dictionary(uniqueKeysWithValues: partitions.map { ($0.number, $0.begin) }))
            var found: [RecordPosition: BusRecord] = [:]
            while !positions.allSatisfy({ found[$0] != nil }) {
                for letter in try await reader.next(limit: 1000) {
                    guard let topic = letter.header("topic"),
                        let offset = letter.header("offset").flatMap({ Int64($0) })
                    else { continue }
                    found[RecordPosition(topic: topic, partition: 0, offset: offset)] = letter
                }
            }
            await reader.close()
            return positions.compactMap { found[$0] }
        }
    }
}
