import MillraceCore
import Testing

@Suite struct TickGridTests {
    @Test(
        "the next tick is on the grid; what was missed altogether is left out",
        arguments: [
            (0, 1_000_000), (999_999, 1_000_000), (1_000_000, 1_000_000), (1_500_000, 1_000_000),
            (2_000_000, 2_000_000), (2_999_999, 2_000_000), (7_200_000, 7_000_000), (-5, 1_000_000),
        ] as [(Int64, Int64)])
    func next(_ now: Int64, _ due: Int64) {
        var grid = TickGrid(first: 42, period: 1_000_000)
        grid.advance(now: 42 + now)
        #expect(grid.due == 42 + due)
    }

    @Test("a period is a millisecond at least")
    func shortest() {
        #expect(TickGrid(first: 0, period: 0).period == 1000)
        #expect(TickGrid(first: 0, period: -7).period == 1000)
    }
}
