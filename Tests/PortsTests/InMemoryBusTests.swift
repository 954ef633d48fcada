import MillracePorts
import MillraceTesting
import Testing

@Suite struct InMemoryBusTests {
    @Test("the in-memory bus keeps the port's promises", arguments: BusConformance.promises)
    func conforms(_ promise: Promise<BusFixture>) async throws {
        let bus = InMemoryBus()
        try await promise.check(
            BusFixture(bus: bus, other: bus, lease: .seconds(10)) { member in bus.expire(member) })
    }
}
