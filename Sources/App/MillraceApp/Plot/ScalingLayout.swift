import MillraceCore

/// A ``ScalingFigure`` as it is drawn.
struct ScalingLayout {
    private let figure: ScalingFigure
    private let clock: ClockAxis

    private static let width = 760.0
    private static let demandHeight = 78.0
    private static let replicasHeight = 50.0
    /// Between a task's two panels.
    private static let innerGap = 8.0
    /// Above a task's panels: its name.
    private static let nameHeight = 26.0

    private static let running = (colour: "#0072b2", opacity: 0.85)
    private static let waiting = (colour: "#e69f00", opacity: 0.85)
    private static let upcoming = (colour: "#56b4e9", opacity: 0.4)
    private static let desired = (colour: "#d55e00", width: 1.5)

    init(_ figure: ScalingFigure) {
        self.figure = figure
        let times = figure.tasks.flatMap { $0.demand.map(\.at) + $0.replicas.map(\.at) }
        let from = figure.from ?? times.min() ?? Timestamp(microseconds: 0)
        clock = ClockAxis(from: from, until: figure.until ?? times.max() ?? from)
    }

    func script(_ format: PlotFormat, output: String) -> GnuplotScript {
        let header = PlotHeader(title: figure.title, legend: legend, width: Self.width)
        let axes = figure.tasks.map { (demand: Self.demandAxis($0), replicas: Self.replicasAxis($0)) }
        let left =
            PlotStyle.axisNameWidth + (axes.map { max($0.demand.labelWidth, $0.replicas.labelWidth) }.max() ?? 0)
        let right = Self.width - 34
        let block = Self.nameHeight + Self.demandHeight + Self.innerGap + Self.replicasHeight
        let bottom = header.height + Double(figure.tasks.count) * block
        var script = GnuplotScript(
            format, size: PlotSize(width: Self.width, height: bottom + PlotStyle.timeNameHeight), output: output)
        header.draw(in: &script)
        if figure.tasks.isEmpty {
            script.label(
                "no tasks", x: Self.width / 2, y: bottom + PlotStyle.timeNameHeight / 2, .center,
                colour: PlotStyle.quiet)
            // Labels are drawn with a panel.
            script.panel(
                PlotFrame(left: left, top: bottom, right: right, bottom: bottom + 1),
                x: PlotAxis(lower: 0, upper: 1, ticks: []), y: PlotAxis(lower: 0, upper: 1, ticks: []), curves: [])
        }
        for (index, (task, axes)) in zip(figure.tasks, axes).enumerated() {
            let top = header.height + Double(index) * block + Self.nameHeight
            let upper = PlotFrame(left: left, top: top, right: right, bottom: top + Self.demandHeight)
            let lower = PlotFrame(
                left: left, top: upper.bottom + Self.innerGap, right: right,
                bottom: upper.bottom + Self.innerGap + Self.replicasHeight)
            var x = clock.axis(count: 9)
            x.showsLabels = false
            script.label(task.task, x: left, y: top - 11)
            axisName("orders", beside: upper, in: &script)
            if task.demand.isEmpty {
                script.label("not known", x: (left + right) / 2, y: upper.middle, .center, colour: PlotStyle.quiet)
            }
            script.panel(upper, x: x, y: axes.demand, curves: demandCurves(task))
            if index == figure.tasks.count - 1 {
                x.showsLabels = true
                script.label(
                    clock.name, x: (left + right) / 2, y: lower.bottom + PlotStyle.timeNameMiddle, .center)
            }
            axisName("replicas", beside: lower, in: &script)
            if task.replicas.isEmpty {
                script.label("not known", x: (left + right) / 2, y: lower.middle, .center, colour: PlotStyle.quiet)
            }
            script.panel(lower, x: x, y: axes.replicas, curves: replicaCurves(task))
        }
        return script
    }

    private func axisName(_ name: String, beside frame: PlotFrame, in script: inout GnuplotScript) {
        script.label(
            name, x: PlotStyle.axisNameMiddle, y: frame.middle, .center, font: PlotStyle.tickSize, angle: 90)
    }

    private static func demandAxis(_ task: TaskScaling) -> PlotAxis {
        let most = task.demand.compactMap { Self.stacked($0).last }.max() ?? 0
        return axis(to: most, count: 3, isKnown: !task.demand.isEmpty)
    }

    private static func replicasAxis(_ task: TaskScaling) -> PlotAxis {
        let most = task.replicas.map(\.desired).max() ?? 0
        return axis(to: Double(most), count: 2, isKnown: !task.replicas.isEmpty)
    }

    private static func axis(to most: Double, count: Int, isKnown: Bool) -> PlotAxis {
        var axis = PlotAxis.fromZero(to: most, count: count, isWhole: true)
        if !isKnown { axis.ticks = [] }
        return axis
    }

    private func demandCurves(_ task: TaskScaling) -> [PlotCurve] {
        let points = task.demand.sorted { $0.at < $1.at }
        return [Self.running, Self.waiting, Self.upcoming].enumerated().map { index, look in
            let rows = held(points.map { ($0.at, Array(Self.stacked($0)[index...(index + 1)])) })
            return PlotCurve(style: .area(opacity: look.opacity), colour: look.colour, rows: rows)
        }
    }

    /// The bounds of what is stacked, from zero up.
    private static func stacked(_ point: TaskScaling.DemandPoint) -> [Double] {
        [point.running, point.waiting, point.upcoming].reduce(into: [0]) { bounds, count in
            bounds.append((bounds.last ?? 0) + Double(max(0, count)))
        }
    }

    private func replicaCurves(_ task: TaskScaling) -> [PlotCurve] {
        let points = task.replicas.sorted { $0.at < $1.at }
        return [
            PlotCurve(
                style: .line(width: Self.desired.width), colour: Self.desired.colour,
                rows: held(points.map { ($0.at, [Double($0.desired)]) }))
        ]
    }

    /// Values that hold until the next ones.
    private func held(_ points: [(at: Timestamp, values: [Double])]) -> [[Double]] {
        var rows: [[Double]] = []
        for (index, point) in points.enumerated() {
            let end = index + 1 < points.count ? points[index + 1].at : clock.until
            guard end >= clock.from, point.at <= clock.until else { continue }
            rows.append([clock(max(point.at, clock.from))] + point.values)
            rows.append([clock(min(end, clock.until))] + point.values)
        }
        return rows
    }

    private var legend: [PlotLegend.Entry] {
        func box(_ text: String, _ look: (colour: String, opacity: Double)) -> PlotLegend.Entry {
            .init(text: text, sample: .box(opacity: look.opacity), colour: look.colour)
        }
        var entries = [box("running orders", Self.running)]
        if figure.tasks.contains(where: { $0.demand.contains { $0.waiting > 0 } }) {
            entries.append(box("waiting", Self.waiting))
        }
        entries.append(box("upcoming", Self.upcoming))
        entries.append(
            .init(
                text: "desired replicas", sample: .line(width: Self.desired.width, dash: 1),
                colour: Self.desired.colour))
        return entries
    }
}
