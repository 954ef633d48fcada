import MillraceCore

/// When each replica ran steps, and what was made of that.
struct RescaleLog: Sendable {
    struct Outcome: Sendable {
        var redone: Int
        /// In seconds, each.
        var pause: Double
        var pauseBefore: Double
        var allPause: Double
        var ready: Double
        var steps: Int
    }

    private struct Step {
        var start: Timestamp
        var end: Timestamp?
    }

    private let replicas: Int
    private var steps: [String: [Step]] = [:]
    private var runs: [StepKey: Set<RunID>] = [:]
    private(set) var last: Timestamp?
    /// When the last of all replicas began its first step.
    private(set) var allReady: Timestamp?
    private var first: Timestamp?

    /// - Parameter replicas: how many there will be in the end.
    init(replicas: Int) { self.replicas = replicas }

    var length: Duration { first.flatMap { first in last.map { $0 - first } } ?? .zero }

    mutating func started(_ step: StepKey, run: RunID, by instance: String, at time: Timestamp) {
        runs[step, default: []].insert(run)
        if steps[instance] == nil, steps.count == replicas - 1 { allReady = time }
        steps[instance, default: []].append(Step(start: time))
        first = first ?? time
        last = max(last ?? time, time)
    }

    mutating func ended(by instance: String, at time: Timestamp) {
        guard let count = steps[instance]?.count, count > 0 else { return }
        steps[instance]?[count - 1].end = time
        last = max(last ?? time, time)
    }

    /// - Parameters:
    ///   - wish: when more replicas were asked for.
    ///   - first: how many there were before; those that began first.
    func outcome(wish: Timestamp, first count: Int) -> Outcome {
        let old = steps.values.sorted { $0[0].start < $1[0].start }.prefix(count)
        let end = last ?? wish
        let begin = first ?? wish
        let all = old.flatMap { $0 }.sorted { $0.start < $1.start }
        return Outcome(
            redone: runs.values.count { $0.count > 1 },
            pause: old.map { Self.longestPause($0, from: wish, to: end) }.max() ?? 0,
            pauseBefore: old.map { Self.longestPause($0, from: begin, to: wish) }.max() ?? 0,
            allPause: Self.longestPause(all, from: wish, to: end),
            ready: ((allReady ?? end) - wish).inSeconds, steps: runs.count)
    }

    /// The longest time without a step within a span, in seconds.
    private static func longestPause(_ steps: [Step], from begin: Timestamp, to end: Timestamp) -> Double {
        var idleSince = begin
        var longest = 0.0
        for step in steps where (step.end ?? end) > begin && step.start < end {
            longest = max(longest, (step.start - idleSince).inSeconds)
            idleSince = max(idleSince, step.end ?? end)
        }
        return max(longest, (end - idleSince).inSeconds)
    }
}
