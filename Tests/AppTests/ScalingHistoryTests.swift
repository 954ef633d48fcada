import MillraceCore
import Testing

@testable import MillraceApp

struct ScalingHistoryTests {
    private static func at(_ second: Int64) -> Timestamp { Timestamp(microseconds: second * 1_000_000) }

    private static func step(_ task: String, _ state: StepState, from start: Int64?, to end: Int64?) -> OrderView.Step {
        OrderView.Step(
            task: task, state: state, attempt: 1, startedAt: start.map(at), finishedAt: end.map(at), usage: RunTotals())
    }

    private static func order(
        _ id: String, _ state: OrderState, at submitted: Int64, to end: Int64?, _ steps: [OrderView.Step]
    ) throws -> OrderView {
        OrderView(
            id: try OrderID(id), state: state, image: "a.jpg", submittedAt: at(submitted), finishedAt: end.map(at),
            steps: steps, json: [])
    }

    private static func numbers(_ demand: [TaskScaling.DemandPoint]) -> [[Int64]] {
        demand.map { [$0.at.microseconds / 1_000_000, Int64($0.running), Int64($0.waiting), Int64($0.upcoming)] }
    }

    @Test func `a step is upcoming, waits, runs, and is gone`() throws {
        let history = ScalingHistory([
            try Self.order(
                "a", .finished, at: 0, to: 9,
                [Self.step("cut", .finished, from: 2, to: 4), Self.step("blur", .finished, from: 5, to: 9)])
        ])
        #expect(history.tasks == ["blur", "cut"])
        #expect(Self.numbers(history.demand(of: "cut")) == [[0, 0, 1, 0], [2, 1, 0, 0], [4, 0, 0, 0]])
        #expect(
            Self.numbers(history.demand(of: "blur")) == [[0, 0, 0, 1], [4, 0, 1, 0], [5, 1, 0, 0], [9, 0, 0, 0]])
    }

    @Test func `a step whose end was never told is gone with its order`() throws {
        let history = ScalingHistory([
            try Self.order(
                "a", .failed, at: 0, to: 9,
                [Self.step("cut", .failed, from: 2, to: nil), Self.step("blur", .pending, from: nil, to: nil)])
        ])
        #expect(Self.numbers(history.demand(of: "cut")) == [[0, 0, 1, 0], [2, 1, 0, 0], [9, 0, 0, 0]])
        #expect(Self.numbers(history.demand(of: "blur")) == [[0, 0, 0, 1], [9, 0, 0, 0]])
    }

    @Test func `a step of an order under way goes on`() throws {
        let history = ScalingHistory([
            try Self.order("a", .running, at: 1, to: nil, [Self.step("cut", .running, from: 2, to: nil)])
        ])
        #expect(Self.numbers(history.demand(of: "cut")) == [[1, 0, 1, 0], [2, 1, 0, 0]])
    }
}
