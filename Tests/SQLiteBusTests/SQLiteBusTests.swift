import Foundation
import GRDB
import MillracePorts
import MillraceTesting
import Testing

@testable import SQLiteBus

@Suite struct SQLiteBusTests {
    @Test("the SQLite bus keeps the port's promises", arguments: BusConformance.promises)
    func conforms(_ promise: Promise<BusFixture>) async throws {
        try await withTemporaryFolder { folder in
            let bus = try SQLiteBus(path: folder + "/bus.sqlite")
            let other = try SQLiteBus(path: folder + "/bus.sqlite")
            try await promise.check(
                // All suites at once keep the disk busy for seconds, and a lease is renewed by writing.
                BusFixture(bus: bus, other: other, lease: .seconds(10)) { member in
                    other.stopRenewing(member)
                })
            await other.close()
            await bus.close()
        }
    }

    @Test("records that every group has read are deleted when their time is over; what one has not read is kept")
    func retention() async throws {
        try await withTemporaryFolder { folder in
            let bus = try SQLiteBus(path: folder + "/bus.sqlite")
            try await bus.createTopic("t", partitions: 1, retention: .zero)
            try await bus.createTopic("kept", partitions: 1, retention: .seconds(3600))
            let quick = try await bus.join(Membership(topic: "t", group: "quick", name: "a"))
            let slow = try await bus.join(Membership(topic: "t", group: "slow", name: "b"))
            for member in [quick, slow] { #expect(try await member.next(limit: 1) == .assigned([0])) }
            for topic in ["t", "t", "t", "kept"] {
                try await bus.publish([OutgoingRecord(topic: topic, partition: 0, key: "K", value: [])])
            }
            try await quick.commit([0: 3])
            try await bus.clean()
            #expect(try await bus.describe(topic: "t").partitions[0].begin == 0)
            try await slow.commit([0: 2])
            try await bus.clean()
            let left = try await bus.describe(topic: "t").partitions[0]
            #expect(left.begin == 2)
            #expect(left.end == 3)
            #expect(try await bus.describe(topic: "kept").partitions[0].begin == 0)
            await quick.leave()
            await slow.leave()
            await bus.close()
        }
    }

    @Test("a file of a later version is refused, and says so")
    func laterVersion() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/bus.sqlite"
            await (try SQLiteBus(path: path)).close()
            try await DatabaseQueue(path: path).write { try $0.execute(sql: "PRAGMA user_version = 99") }
            let error = #expect(throws: BusError.self) { try SQLiteBus(path: path) }
            #expect(error?.code == .corrupt)
            #expect(error?.cause?.contains("version 99") == true)
        }
    }

    @Test("a file that is no database is refused, and stays as it is")
    func notADatabase() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/bus.sqlite"
            let text = String(repeating: "this is a letter, and no database. ", count: 100)
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            let error = #expect(throws: BusError.self) { try SQLiteBus(path: path) }
            #expect(error?.code == .corrupt)
            #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
        }
    }
}
