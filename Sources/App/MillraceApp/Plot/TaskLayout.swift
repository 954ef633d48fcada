import MillraceCore

/// A ``TaskFigure`` as it is drawn: resources over time above, distributions side by side below.
struct TaskLayout {
    private let figure: TaskFigure
    private let panels: [ResourcePanel]
    private let distributions: [DistributionPanel]
    /// In seconds.
    private let span: Double

    private static let width = 760.0
    private static let panelHeight = 112.0
    private static let panelGap = 14.0
    private static let distributionHeight = 104.0
    private static let distributionGap = 26.0
    private static let exampleColour = "#999999"

    init(_ figure: TaskFigure) {
        self.figure = figure
        panels = Resource.allCases.map { resource in
            var panel = ResourcePanel(resource)
            panel.isAboutMedian = true
            for example in figure.examples {
                panel.add(
                    example[resource] ?? [], cuts: [], colour: Self.exampleColour, width: 0.6, hasDots: false)
            }
            panel.setBand(figure.band[resource] ?? [], cuts: [])
            return panel
        }
        distributions = figure.distributions.prefix(4).map { DistributionPanel($0) }
        span = max(panels.map(\.end).max() ?? 0, 1e-3)
    }

    func script(_ format: PlotFormat, output: String) -> GnuplotScript {
        let header = PlotHeader(title: figure.title, legend: legend, width: Self.width)
        let left = PlotStyle.axisNameWidth + (panels.map(\.axis.labelWidth).max() ?? 0)
        let right = Self.width - 26
        let top = header.height + 8
        let bottom = top + Double(panels.count) * (Self.panelHeight + Self.panelGap) - Self.panelGap
        let lowerTop = bottom + PlotStyle.timeNameHeight + 30
        let end =
            (distributions.isEmpty ? bottom : lowerTop + Self.distributionHeight) + PlotStyle.timeNameHeight
        var script = GnuplotScript(format, size: PlotSize(width: Self.width, height: end), output: output)
        header.draw(in: &script)
        let unit = PlotUnit.time(span)
        for (index, panel) in panels.enumerated() {
            let panelTop = top + Double(index) * (Self.panelHeight + Self.panelGap)
            let frame = PlotFrame(left: left, top: panelTop, right: right, bottom: panelTop + Self.panelHeight)
            var x = unit.axis(span: span, count: 8)
            let isLowest = index == panels.count - 1
            x.showsLabels = isLowest
            panel.draw(
                in: &script, frame: frame, x: x, time: unit, name: isLowest ? "time since the step's start" : nil)
        }
        let count = Double(distributions.count)
        let width = (right - left - (count - 1) * Self.distributionGap) / max(1, count)
        for (index, panel) in distributions.enumerated() {
            let panelLeft = left + Double(index) * (width + Self.distributionGap)
            let frame = PlotFrame(
                left: panelLeft, top: lowerTop, right: panelLeft + width, bottom: lowerTop + Self.distributionHeight)
            panel.draw(in: &script, frame: frame, isFirst: index == 0)
        }
        return script
    }

    private var legend: [PlotLegend.Entry] {
        var entries: [PlotLegend.Entry] = []
        if panels.contains(where: \.hasMedian) {
            entries.append(
                .init(text: "median", sample: .line(width: 1.6, dash: 1), colour: PlotStyle.colour(0)))
        }
        if panels.contains(where: \.hasBand) {
            entries.append(
                .init(
                    text: "p5–p95 of \(Wording.count(figure.runs, "run"))",
                    sample: .box(opacity: ResourcePanel.bandOpacity), colour: PlotStyle.band))
        }
        if !figure.examples.isEmpty {
            entries.append(
                .init(
                    text: figure.examples.count == 1 ? "a single run" : "\(figure.examples.count) single runs",
                    sample: .line(width: 0.6, dash: 1), colour: Self.exampleColour))
        }
        return entries
    }
}

/// The share of runs that are not above a value: the empirical distribution function.
struct DistributionPanel {
    private let kind: RunDistribution.Kind
    private let sorted: [Double]

    /// More corners than this are not seen.
    private static let mostCorners = 500

    init(_ distribution: RunDistribution) {
        kind = distribution.kind
        sorted = distribution.values.filter(\.isFinite).sorted()
    }

    private var maximum: Double { sorted.last ?? 0 }

    /// From zero, unless all values are far from it, and from one another by more than ticks can show.
    func axis(_ unit: PlotUnit) -> PlotAxis {
        guard let first = sorted.first, first > 0.6 * maximum, maximum - first > 1e-5 * maximum else {
            var axis = PlotAxis.fromZero(to: unit(maximum), count: 3)
            axis.lower = 0
            return axis
        }
        let (low, high) = (unit(first), unit(maximum))
        let step = PlotAxis.niceStep((high - low) / 3)
        let lower = ((low - 0.1 * step) / step).rounded(.down) * step
        let upper = ((high + 0.1 * step) / step).rounded(.up) * step
        return PlotAxis(lower: lower, upper: upper, ticks: PlotAxis.ticks(every: step, from: lower, to: upper))
    }

    /// Corners of the function, in the shown unit.
    func rows(_ unit: PlotUnit, _ axis: PlotAxis) -> [[Double]?] {
        guard !sorted.isEmpty else { return [] }
        var rows: [[Double]] = [[axis.lower, 0]]
        let every = max(1, (sorted.count + Self.mostCorners - 1) / Self.mostCorners)
        var share = 0.0
        for index in sorted.indices where index % every == every - 1 || index == sorted.count - 1 {
            rows.append([unit(sorted[index]), share])
            share = Double(index + 1) / Double(sorted.count)
            rows.append([unit(sorted[index]), share])
        }
        return rows + [[axis.upper, 1]]
    }

    func draw(in script: inout GnuplotScript, frame: PlotFrame, isFirst: Bool) {
        let unit = kind.unit(maximum: maximum)
        let middle = (frame.left + frame.right) / 2
        var x = axis(unit)
        if isFirst {
            script.label("share of runs", x: PlotStyle.axisNameMiddle, y: frame.middle, .center, angle: 90)
        }
        script.label(
            "\(kind.name) (\(unit.name))", x: middle, y: frame.bottom + PlotStyle.timeNameMiddle, .center)
        var curves = [PlotCurve(style: .line(width: 1.4), colour: PlotStyle.colour(0), rows: rows(unit, x))]
        if sorted.isEmpty {
            x.ticks = []
            script.label("no readings", x: middle, y: frame.middle, .center, colour: PlotStyle.quiet)
        } else {
            let marks = [0.5, 0.95].map { (share: $0, value: unit(Distribution.quantile($0, of: sorted))) }
            for (mark, dash) in zip(marks, [2, 3]) {
                let rows = [[mark.value, 0], [mark.value, mark.share]]
                curves.append(PlotCurve(style: .line(width: 0.8, dash: dash), colour: PlotStyle.quiet, rows: rows))
            }
            let texts = zip(["median", "p95"], marks).map { "\($0) \(PlotAxis.short($1.value))" }
            script.label(
                texts.joined(separator: " · "), x: middle, y: frame.top - 11, .center, font: PlotStyle.smallSize,
                colour: PlotStyle.quiet)
        }
        let ticks = [0, 0.5, 1].map { PlotAxis.Tick(at: $0, label: PlotAxis.label($0, step: 0.5)) }
        let y = PlotAxis(lower: -0.035, upper: 1.03, ticks: ticks, showsLabels: isFirst)
        script.panel(frame, x: x, y: y, curves: curves)
    }
}
