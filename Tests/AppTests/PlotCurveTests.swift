import MillraceCore
import MillraceTesting
import Testing

@testable import MillraceApp

struct PlotCurveTests {
    private static func trace(_ points: [(Double, Double, Double?)], cuts: [Double] = []) -> PlotTrace {
        PlotTrace(points.map { (second: $0.0, seconds: $0.1, values: [$0.2]) }, cuts: cuts)
    }

    private static func ends(_ trace: PlotTrace) -> [[Double]] { trace.stretches.map { $0.map(\.end) } }

    @Test func `intervals that touch are one stretch, in any order`() {
        #expect(Self.ends(Self.trace([(3, 1, 5), (1, 1, 4), (2.01, 1, 6)])) == [[1, 2.01, 3]])
    }

    @Test func `a value that is not known breaks the curve`() {
        #expect(Self.ends(Self.trace([(1, 1, 4), (2, 1, nil), (3, 1, 5)])) == [[1], [3]])
        #expect(Self.ends(Self.trace([(1, 1, 4), (2, 1, .nan), (3, 1, .infinity), (4, 1, 2)])) == [[1], [4]])
    }

    @Test func `a time that no interval covers breaks the curve`() {
        #expect(Self.ends(Self.trace([(1, 1, 4), (2, 1, 4), (4, 1, 5)])) == [[1, 2], [4]])
    }

    @Test func `a curve does not go on into another process`() {
        #expect(Self.ends(Self.trace([(1, 1, 4), (2, 1, 4), (3, 1, 5)], cuts: [0, 2])) == [[1, 2], [3]])
    }

    @Test func `a rate holds over its interval, and a gap is neither zero nor a bridge`() {
        let rows = Self.trace([(1, 1, 4), (2, 1, 6), (4, 1, 5)]).held({ $0 }, x: { $0 })
        #expect(rows == [[0, 4], [1, 4], [1, 6], [2, 6], nil, [3, 5], [4, 5]])
    }

    @Test func `an instant is a point, and one without neighbours is known`() {
        let trace = Self.trace([(1, 1, 4), (2, 1, 6), (4, 1, 5)])
        #expect(trace.instants({ $0 * 10 }, x: { $0 }) == [[1, 40], [2, 60], nil, [4, 50]])
        #expect(trace.lone({ $0 }, x: { $0 }) == [[4, 5]])
        #expect(trace.instants({ $0 }, x: { $0 }, holdsLone: true).suffix(2) == [[3, 5], [4, 5]])
    }

    @Test func `a share of runs rises from zero to one, a step for each value`() {
        let panel = DistributionPanel(RunDistribution(.duration, [3, 1, .nan, 3, 2]))
        let unit = PlotUnit(name: "s", divisor: 1)
        let axis = PlotAxis(lower: 0, upper: 4, ticks: [])
        #expect(
            panel.rows(unit, axis) == [
                [0, 0], [1, 0], [1, 0.25], [2, 0.25], [2, 0.5], [3, 0.5], [3, 0.75], [3, 0.75], [3, 1], [4, 1],
            ])
    }

    @Test func `a distribution of very many runs has as many corners as can be seen`() {
        let panel = DistributionPanel(RunDistribution(.duration, (1...100_000).map { Double($0) }))
        let rows = panel.rows(PlotUnit(name: "s", divisor: 1), PlotAxis(lower: 0, upper: 100_000, ticks: []))
        #expect(rows.count <= 1010)
        #expect(rows.last == [100_000, 1])
    }

    // MARK: Names of steps

    @Test(arguments: 0..<40) func `names of steps never overlap and stay within the picture`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var middle = 60.0
        let count = Int.random(in: 1...64, using: &random)
        let steps = (0..<count).map { _ in
            let length = Double.random(in: 0...(1300 / Double(count)), using: &random) / 2
            middle = min(734, middle + length)
            let name = String(repeating: "n", count: Int.random(in: 1...40, using: &random))
            return (name: name, middle: middle, length: length)
        }
        let labels = StepLabels(steps, left: 6, right: 754)
        #expect(!labels.labels.isEmpty)
        for (a, b) in zip(labels.labels, labels.labels.dropFirst()) {
            let widths = [a, b].map { PlotStyle.width(steps[$0.index].name, font: PlotStyle.smallSize) }
            let needed = labels.angle == 0 ? (widths[0] + widths[1]) / 2 : labels.angle == 90 ? 11 : 15
            #expect(b.name - a.name >= needed)
        }
        #expect(labels.labels.allSatisfy { (6...754).contains($0.name) })
    }

    @Test func `few steps have flat names over their middles`() {
        let steps = [("resize", 100.0), ("blur", 300), ("convert", 500)]
        let labels = StepLabels(steps.map { ($0.0, $0.1, 1) }, left: 0, right: 760)
        #expect(labels.angle == 0 && !labels.hasLeaders)
        #expect(labels.labels.map(\.name) == [100, 300, 500])
    }

    @Test func `names of steps that are too short move apart, evenly`() {
        #expect(StepLabels.spread([50, 50, 90], distances: [20, 20], from: 0, to: 100) == [40, 60, 90])
        #expect(StepLabels.spread([0, 0], distances: [30], from: 10, to: 100) == [10, 40])
        #expect(StepLabels.spread([0, 0], distances: [30], from: 0, to: 20) == nil)
    }
}
