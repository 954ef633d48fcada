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
                BusFixture(bus: bus, other: other, lease: .seconds(2)) { member in
                    other.stopRenewing(member)
                })
            await other.close()
            await bus.close()
        }
    }
}
