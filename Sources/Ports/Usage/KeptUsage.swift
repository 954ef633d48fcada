import MillraceCore
import Synchronization

/// What a file would hold; handles of ``InMemoryUsageStore`` share it.
final class KeptUsage: Sendable {
    struct SeriesKey: Hashable {
        var step: StepKey
        var resource: Resource
    }

    struct KeptSeries {
        var task: TaskName
        /// By the ends of their intervals.
        var samples: [Timestamp: UsagePoint] = [:]
        var minutes: [UsagePoint] = []
    }

    struct RunKey: Hashable {
        var step: StepKey
        var run: RunID
    }

    struct State {
        var series: [SeriesKey: KeptSeries] = [:]
        var estimates: [RunKey: RunTotals] = [:]
        var offsets: [String: [Int: Int64]] = [:]
        /// By time.
        var drops: [UsageDrop] = []
        var failure: StoreError?
        var holdsSaves = false
        var held: [CheckedContinuation<Void, Never>] = []
    }

    let state = Mutex(State())

    func waitWhileHeld() async {
        await withCheckedContinuation { continuation in
            let mayGo = state.withLock { state in
                if state.holdsSaves { state.held.append(continuation) }
                return !state.holdsSaves
            }
            if mayGo { continuation.resume() }
        }
    }
}

extension KeptUsage.State {
    /// - Returns: how many samples were of orders that are not known.
    mutating func save(_ batch: UsageBatch, _ known: [OrderID: OrderRecord]) -> Int {
        var unknown = 0
        for sample in batch.samples {
            guard known[sample.step.order] != nil else {
                unknown += 1
                continue
            }
            guard sample.seconds.isFinite else { continue }
            for resource in Resource.allCases {
                guard let value = sample[resource], value.isFinite else { continue }
                let key = KeptUsage.SeriesKey(step: sample.step, resource: resource)
                let point = UsagePoint(at: sample.at, seconds: sample.seconds, value: value)
                series[key, default: .init(task: sample.task)].samples.merge([sample.at: point]) { old, _ in old }
            }
        }
        for estimate in batch.estimates where known[estimate.step.order] != nil {
            estimates.merge([.init(step: estimate.step, run: estimate.run): estimate.totals]) { old, _ in old }
        }
        offsets[batch.node, default: [:]].merge(batch.offsets) { _, new in new }
        let drop = UsageDrop(node: batch.node, at: batch.at, samples: batch.dropped)
        if batch.dropped > 0, !drops.contains(where: { $0.at == drop.at && $0.node == drop.node }) {
            drops.append(drop)
            drops.sort { ($0.at, $0.node) < ($1.at, $1.node) }
            drops.removeFirst(max(0, drops.count - UsageDrop.kept))
        }
        return unknown
    }

    func series(where isWanted: (StepKey) -> Bool) -> [UsageSeries] {
        series.filter { isWanted($0.key.step) }
            .sorted { ($0.key.step, $0.key.resource) < ($1.key.step, $1.key.resource) }
            .map { key, kept in
                UsageSeries(
                    step: key.step.index, task: kept.task, resource: key.resource,
                    points: (Array(kept.samples.values) + kept.minutes).sorted { $0.at < $1.at })
            }
    }

    /// The newest first.
    func finishedSteps(of task: TaskName, _ known: [OrderID: OrderRecord]) -> [FinishedStep] {
        var steps: [(place: (Timestamp, Int64, Int), step: FinishedStep)] = []
        for record in known.values {
            for (index, step) in record.progress.steps.enumerated() where step.task == task && step.state == .finished {
                let finished = step.finishedAt ?? Timestamp(microseconds: 0)
                let key = StepKey(order: record.order.id, index: index)
                let estimate = step.run.flatMap { estimates[.init(step: key, run: $0)] }
                steps.append(
                    (
                        (finished, record.number, index),
                        FinishedStep(
                            step: key, startedAt: step.startedAt ?? finished, finishedAt: finished,
                            totals: step.totals == RunTotals() ? estimate ?? step.totals : step.totals)
                    ))
            }
        }
        return steps.sorted { $0.place > $1.place }.map(\.step)
    }

    /// One series is a piece.
    /// - Returns: whether there is more to be done.
    mutating func tidy(_ keep: UsageRetention, _ known: [OrderID: OrderRecord]) -> Bool {
        for (key, kept) in series {
            guard let order = known[key.step.order] else { continue }
            switch keep.fate(ofOrderSubmittedAt: order.submittedAt, hasEnded: order.progress.state.hasEnded) {
            case .stay: continue
            case .go:
                series[key] = nil
                return true
            case .becomeMinutes:
                guard !kept.samples.isEmpty else { continue }
                let minutes = UsagePoint.minutes(of: Array(kept.samples.values))
                series[key]?.minutes =
                    minutes.filter { minute in !kept.minutes.contains { $0.at == minute.at } }
                    + kept.minutes
                series[key]?.samples = [:]
                return true
            }
        }
        return false
    }
}

extension UsagePoint {
    /// One point for each minute in which any ends.
    static func minutes(of points: [UsagePoint]) -> [UsagePoint] {
        Dictionary(grouping: points) { $0.at.microseconds / UsageRetention.minute }.values.map { points in
            let seconds = points.reduce(0) { $0 + $1.seconds }
            let sum = points.reduce(0) { $0 + $1.value * $1.seconds }
            let mean = points.reduce(0) { $0 + $1.value } / Double(points.count)
            return UsagePoint(
                at: points.map(\.at).max() ?? Timestamp(microseconds: 0), seconds: seconds,
                value: seconds == 0 ? mean : sum / seconds, low: points.map(\.low).min(),
                high: points.map(\.high).max())
        }
    }
}
