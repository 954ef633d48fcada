import MillraceCore

/// A ``UsageFigure`` as it is drawn.
struct UsageLayout {
    private let figure: UsageFigure
    /// In seconds.
    private let span: Double
    private let panels: [ResourcePanel]

    private static let width = 760.0
    private static let panelHeight = 128.0
    private static let panelGap = 14.0
    private static let barHeight = 5.0
    /// With more bars than this one sees nothing in them.
    private static let mostBars = 12

    init(_ figure: UsageFigure) {
        self.figure = figure
        let colours = figure.orders.indices.map { (PlotStyle.colour($0), PlotStyle.dash($0)) }
        panels = Resource.allCases.map { resource in
            var panel = ResourcePanel(resource)
            for (order, look) in zip(figure.orders, colours) {
                let width = figure.orders.count > PlotStyle.palette.count ? 1.0 : 1.4
                panel.add(
                    order.points[resource] ?? [], cuts: order.steps.dropFirst().map(\.from), colour: look.0,
                    width: width, dash: look.1,
                    hasDots: figure.orders.count <= 3)
            }
            panel.setBand(figure.band[resource] ?? [], cuts: figure.orders.first?.steps.map(\.from) ?? [])
            return panel
        }
        let ends = panels.map(\.end) + figure.orders.flatMap { $0.steps.map(\.to) }
        // Something to be seen of an order that took no time at all.
        span = max(ends.max() ?? 0, 1e-3)
    }

    func script(_ format: PlotFormat, output: String) -> GnuplotScript {
        let header = PlotHeader(title: figure.title, legend: legend, width: Self.width)
        let labelWidth = panels.map(\.axis.labelWidth).max() ?? 0
        let left = PlotStyle.axisNameWidth + labelWidth
        let right = Self.width - 26
        let unit = PlotUnit.time(span)
        let time = unit.axis(span: span, count: 8)
        func pixel(_ second: Double) -> Double {
            left + (right - left) * min(max(second / span, 0), 1)
        }
        let names = StepLabels(
            (figure.orders.first?.steps ?? []).map {
                ($0.task, (pixel($0.from) + pixel($0.to)) / 2, $0.to - $0.from)
            }, left: 6, right: Self.width - 6)
        let bars = barCount
        let namesBottom = header.height + names.height
        let barsBottom = namesBottom + (bars > 0 ? Double(bars) * (Self.barHeight + 2) + 3 : 0)
        let top = max(barsBottom, header.height + 6) + 2
        let bottom = top + Double(panels.count) * (Self.panelHeight + Self.panelGap) - Self.panelGap
        var script = GnuplotScript(
            format, size: PlotSize(width: Self.width, height: bottom + PlotStyle.timeNameHeight), output: output)

        header.draw(in: &script)
        names.draw(in: &script, bottom: namesBottom, colour: PlotStyle.quiet)
        for (index, order) in figure.orders.prefix(bars).enumerated() {
            let y = namesBottom + Double(index) * (Self.barHeight + 2)
            for (number, step) in order.steps.enumerated() {
                let frame = PlotFrame(
                    left: pixel(step.from), top: y, right: pixel(step.to), bottom: y + Self.barHeight)
                script.box(frame, colour: PlotStyle.colour(index), opacity: number % 2 == 0 ? 0.9 : 0.45)
            }
        }
        for (index, panel) in panels.enumerated() {
            let panelTop = top + Double(index) * (Self.panelHeight + Self.panelGap)
            let frame = PlotFrame(left: left, top: panelTop, right: right, bottom: panelTop + Self.panelHeight)
            if figure.orders.count == 1 {
                for (number, step) in (figure.orders.first?.steps ?? []).enumerated() {
                    script.box(
                        PlotFrame(left: pixel(step.from), top: frame.top, right: pixel(step.to), bottom: frame.bottom),
                        colour: PlotStyle.shades[number % 2])
                }
            }
            var x = time
            x.showsLabels = index == panels.count - 1
            panel.draw(in: &script, frame: frame, x: x, time: unit, name: index == panels.count - 1 ? timeName : nil)
        }
        return script
    }

    private var timeName: String {
        "time since the \(figure.orders.count == 1 ? "order's start" : "orders' starts")"
    }

    private var barCount: Int {
        let withSteps = figure.orders.contains { !$0.steps.isEmpty }
        return withSteps && (2...Self.mostBars).contains(figure.orders.count) ? figure.orders.count : 0
    }

    private var legend: [PlotLegend.Entry] {
        var entries: [PlotLegend.Entry] = []
        let hasBand = panels.contains(where: \.hasBand)
        let hasRange = panels.contains(where: \.hasRange)
        if figure.orders.count > 1 || hasBand || hasRange {
            for (index, order) in figure.orders.enumerated() {
                let sample = PlotLegend.Entry.Sample.line(width: 1.6, dash: PlotStyle.dash(index))
                entries.append(.init(text: order.name, sample: sample, colour: PlotStyle.colour(index)))
            }
        }
        if hasRange {
            entries.append(
                .init(
                    text: "lowest to highest", sample: .box(opacity: ResourcePanel.rangeOpacity),
                    colour: figure.orders.count == 1 ? PlotStyle.colour(0) : PlotStyle.quiet))
        }
        if hasBand {
            entries.append(
                .init(
                    text: "expected (p5–p95)", sample: .box(opacity: ResourcePanel.bandOpacity),
                    colour: PlotStyle.band))
        }
        if panels.contains(where: \.hasMedian) {
            entries.append(
                .init(text: "expected (median)", sample: .line(width: 1, dash: 2), colour: PlotStyle.bandMedian))
        }
        return entries
    }
}
