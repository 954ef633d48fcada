import MillraceCore
import MillraceTesting
import Testing

@Suite struct UsageStatisticsTests {
    @Test("a distribution's quantiles are those of NumPy's default")
    func distribution() throws {
        let spread = try #require(Distribution([4, 1, 3, 2, .nan]))
        #expect(spread.count == 4)
        #expect(spread.minimum == 1)
        #expect(spread.median == 2.5)
        #expect(abs(spread.p95 - 3.85) < 1e-12)
        #expect(abs(spread.p5 - 1.15) < 1e-12)
        #expect(spread.maximum == 4)
        #expect(Distribution([]) == nil)
        #expect(Distribution([7])?.p95 == 7)
    }

    private func points(_ values: [Double], start: Int64 = 0, seconds: Double = 1) -> [UsagePoint] {
        values.enumerated().map { index, value in
            UsagePoint(
                at: Timestamp(microseconds: start) + .seconds(fraction: Double(index + 1) * seconds), seconds: seconds,
                value: value)
        }
    }

    @Test("down-sampling keeps the least, the largest and the mean")
    func downsampling() {
        let points = points((0..<1000).map { $0 == 500 ? 1000 : $0 == 700 ? -5 : 1 })
        let few = points.downsampled(to: 10)
        #expect(few.count == 10)
        #expect(few.map(\.high).max() == 1000)
        #expect(few.map(\.low).min() == -5)
        let mean = few.reduce(0) { $0 + $1.value * $1.seconds } / few.reduce(0) { $0 + $1.seconds }
        #expect(abs(mean - points.reduce(0) { $0 + $1.value } / 1000) < 1e-9)
        #expect(few.last?.at == points.last?.at)
        #expect(points.downsampled(to: 1000) == points)
        #expect(points.downsampled(to: 0) == points)
        #expect(points.downsampled(to: 1).count == 1)
        #expect([UsagePoint]().downsampled(to: 5).isEmpty)
    }

    @Test("a profile is the spread over steps at each moment since their start")
    func profile() {
        let profile = UsageProfile([
            (Timestamp(microseconds: 0), points([1, 1, 1, 1])),
            (Timestamp(microseconds: 5_000_000), points([3, 3, 3, 3], start: 5_000_000)),
            (Timestamp(microseconds: 9), points([2, 2, 2, 2], start: 9)),
        ])
        #expect(profile.points.count == 20)
        #expect(profile.points.allSatisfy { $0.median == 2 && $0.steps == 3 })
        #expect(profile.points.allSatisfy { $0.p5 > 1 && $0.p95 < 3 })
        #expect(UsageProfile([]).points.isEmpty)
        #expect(UsageProfile([(Timestamp(microseconds: 0), [])]).points.isEmpty)
    }

    @Test("a profile of steps of one sample covers them from start to end")
    func shortProfile() {
        let profile = UsageProfile([(Timestamp(microseconds: 0), points([4], seconds: 0.2))])
        #expect(profile.points.count == 20)
        #expect(profile.points.allSatisfy { $0.median == 4 })
        #expect(profile.points.allSatisfy { $0.second > 0 && $0.second < 0.2001 })
    }

    @Test("a step's difference is from the median; of what is not known there is none")
    func difference() {
        let totals = [1, 2, 9].map { RunTotals(cpu: .seconds($0), peakRAM: $0) }
        let usage = TaskUsage(totals)
        #expect(usage.difference(.cpuSeconds, of: totals[2]) == 7)
        #expect(usage.difference(.peakRAMBytes, of: totals[0]) == -1)
        #expect(usage.difference(.diskReadBytes, of: totals[0]) == nil)
        #expect(usage.difference(.cpuSeconds, of: RunTotals()) == nil)
        #expect(usage.expected[.diskReadBytes] == nil)
    }

    @Test("resources' numbers and names never change")
    func resources() {
        #expect(Resource.allCases.map(\.rawValue) == [1, 2, 3])
        #expect(Resource.allCases.map(\.name) == ["cpu", "ram", "disk"])
        #expect(Resource.allCases.map(\.unit) == ["cores", "bytes", "bytes/s"])
        #expect(Resource(name: "ram") == .ram)
        #expect(Resource(name: "gpu") == nil)
    }
}
