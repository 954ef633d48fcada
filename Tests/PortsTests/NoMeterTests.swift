import MillracePorts
import MillraceTesting
import Testing

@Suite struct NoMeterTests {
    @Test("the meter for tests keeps the port's promises", arguments: RunMeterConformance.promises)
    func conforms(_ promise: Promise<any RunMeter>) async throws { try await promise.check(NoMeter()) }
}
