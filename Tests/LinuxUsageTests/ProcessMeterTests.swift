import LinuxUsage
import MillraceCore
import MillracePorts
import MillraceTesting
import Testing

@Suite struct ProcessMeterTests {
    @Test("the process meter keeps the port's promises", arguments: RunMeterConformance.promises)
    func conforms(_ promise: Promise<any RunMeter>) async throws { try await promise.check(ProcessMeter(node: "n")) }

    @Test("work of the run is in its CPU time, and every counter of this machine is read")
    func counts() throws {
        let meter = ProcessMeter(node: "n")
        let reading = meter.begin()
        var sum: UInt64 = 0
        for number in 0..<3_000_000 as Range<UInt64> { sum = sum &* 31 &+ number }
        let totals = meter.end(reading, children: nil)
        #expect(sum != 1)
        #expect(try #require(totals.cpu) > .zero)
        #expect(try #require(totals.peakRAM) > 1 << 20)
        #expect(totals.diskRead != nil)
        #expect(totals.diskWritten != nil)
    }

    @Test("a brief run and a longer one know their memory, and the peak is set back between runs")
    func peaks() throws {
        let meter = ProcessMeter(node: "n")
        let brief = try #require(meter.end(meter.begin(), children: nil).peakRAM)
        #expect(brief > 1 << 20)
        let reading = meter.begin()
        var held = [UInt8](repeating: 0, count: 64 << 20)
        for place in stride(from: 0, to: held.count, by: 4096) { held[place] = UInt8(truncatingIfNeeded: place) }
        let sum = held.reduce(0) { $0 &+ Int($1) }
        held = []
        let large = try #require(meter.end(reading, children: nil).peakRAM)
        #expect(sum >= 0)
        #expect(large >= 64 << 20)
        let next = meter.begin()
        var number: UInt64 = 0
        for value in 0..<3_000_000 as Range<UInt64> { number = number &* 31 &+ value }
        let after = try #require(meter.end(next, children: nil).peakRAM)
        #expect(number != 1)
        // Other tests run in this process meanwhile; but none of them holds as much.
        #expect(after < large)
    }

    @Test("the target is this process, told apart from a later one of its number")
    func target() {
        guard case .process(let pid, let startTicks) = ProcessMeter(node: "n").target.kind else {
            Issue.record("it is no process")
            return
        }
        #expect(pid > 0)
        #expect(startTicks > 0)
    }
}
