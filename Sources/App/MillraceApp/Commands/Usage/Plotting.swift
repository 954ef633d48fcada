import MillraceCore
import MillracePorts

/// Makes figures of what the service tells, and draws them.
enum Plotting {
    /// - Throws: `Failure` for a file that is neither `.svg` nor `.png`.
    static func format(of path: String) throws(Failure) -> PlotFormat {
        do throws(PlotError) { return try PlotFormat(path: path) } catch { throw Failure(.usage, "millrace: \(error)") }
    }

    static func draw(_ figure: some PlotFigure, to path: String) async throws(Failure) {
        do throws(PlotError) { try await Gnuplot().draw(figure, to: path) } catch {
            throw Failure(.failed, "millrace: \(error)")
        }
    }

    /// What a metered command consumed.
    static func draw(_ outcome: MeteredRunner.Outcome, command: [String], to path: String) async throws(Failure) {
        var points: [Resource: [CurvePoint]] = [:]
        for sample in outcome.samples {
            for resource in Resource.allCases {
                points[resource, default: []].append(
                    CurvePoint(
                        second: (sample.at - outcome.startedAt).inSeconds, seconds: sample.seconds,
                        value: sample[resource]))
            }
        }
        let name = Wording.oneLine(command.joined(separator: " "))
        let title = name.count > 80 ? name.prefix(79) + "…" : name[...]
        try await draw(
            UsageFigure(title: String(title), orders: [OrderCurve(name: "measured", points: points)]), to: path)
    }

    /// Most points of a curve: more than a picture has pixels would only make it larger.
    static let points = 2000
}

extension UsageFigure {
    /// - Parameter tasks: what is expected of the first order's tasks, by name.
    init(_ orders: [OrderUsageView], expecting tasks: [String: TaskUsageView]) {
        let curves = orders.map(OrderCurve.init)
        let title: String
        if orders.count == 1, let order = orders.first {
            let took = (order.finishedAt.map { $0 - (order.startedAt ?? order.submittedAt) }).map {
                ", \(Wording.seconds($0))"
            }
            title = "Order \(order.order): \(Wording.count(order.steps.count, "step"))\(took ?? "")"
        } else {
            title = "\(orders.count) orders"
        }
        self.init(title: title, orders: curves, band: orders.first.map { Self.band($0, tasks) } ?? [:])
    }

    /// Each step's expected usage, from where the step began to where it ended.
    private static func band(_ order: OrderUsageView, _ tasks: [String: TaskUsageView]) -> [Resource: [BandPoint]] {
        let start = order.startedAt ?? order.submittedAt
        var band: [Resource: [BandPoint]] = [:]
        for step in order.steps {
            guard let startedAt = step.startedAt, let usage = tasks[step.task] else { continue }
            let from = (startedAt - start).inSeconds
            let length = step.finishedAt.map { ($0 - startedAt).inSeconds } ?? .infinity
            for (resource, points) in usage.profile {
                for point in points where point.second - point.seconds < length {
                    // Cut off where the step ended: the next one has an expectation of its own.
                    let end = min(point.second, length)
                    band[resource, default: []].append(
                        BandPoint(
                            second: from + end, seconds: end - (point.second - point.seconds), low: point.p5,
                            median: point.median, high: point.p95))
                }
            }
        }
        return band
    }
}

extension OrderCurve {
    init(_ order: OrderUsageView) {
        let start = order.startedAt ?? order.submittedAt
        var points: [Resource: [CurvePoint]] = [:]
        for sample in order.samples {
            points[sample.resource, default: []].append(sample.point(since: start))
        }
        self.init(
            name: order.order, points: points.mapValues { $0.sorted { $0.second < $1.second } },
            steps: order.steps.compactMap { step in
                guard let from = step.startedAt, let to = step.finishedAt else { return nil }
                return StepSpan(
                    task: step.task, from: (from - start).inSeconds, to: (to - start).inSeconds)
            })
    }
}

extension UsageSampleView {
    func point(since start: Timestamp) -> CurvePoint {
        point(second: (at - start).inSeconds)
    }

    /// A range only where it stands for several values.
    func point(second: Double) -> CurvePoint {
        CurvePoint(
            second: second, seconds: seconds, value: value, low: low < value ? low : nil,
            high: high > value ? high : nil)
    }
}

extension TaskFigure {
    init(_ usage: TaskUsageView) {
        struct Run: Hashable {
            var order: String?
            var step: Int
        }
        var runs: [Run] = []
        var examples: [Run: [Resource: [CurvePoint]]] = [:]
        for sample in usage.samples {
            guard let second = sample.second else { continue }
            let run = Run(order: sample.order, step: sample.step)
            if examples[run] == nil { runs.append(run) }
            examples[run, default: [:]][sample.resource, default: []].append(
                sample.point(second: second))
        }
        let totals = usage.steps.map(\.totals)
        self.init(
            title: "Task \(usage.task): \(Wording.count(usage.steps.count, "run"))",
            // The profile is of the latest ones alone.
            runs: usage.profile.values.joined().map(\.steps).max() ?? 0,
            band: usage.profile.mapValues { points in
                points.map {
                    BandPoint(second: $0.second, seconds: $0.seconds, low: $0.p5, median: $0.median, high: $0.p95)
                }
            },
            examples: runs.compactMap { examples[$0] },
            distributions: [
                RunDistribution(.duration, totals.compactMap { $0.running?.inSeconds }),
                RunDistribution(.cpuTime, totals.compactMap { $0.cpu?.inSeconds }),
                RunDistribution(.peakRAM, totals.compactMap { $0.peakRAM.map(Double.init) }),
                RunDistribution(
                    .disk,
                    totals.compactMap { totals in
                        guard let read = totals.diskRead, let written = totals.diskWritten else { return nil }
                        return Double(read) + Double(written)
                    }),
            ])
    }
}
