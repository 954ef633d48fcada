import MillraceCore

/// One resource over time: curves over the band of what is expected.
struct ResourcePanel {
    struct Curve {
        var values: PlotTrace
        /// The smallest and the largest of down-sampled values.
        var range: PlotTrace
        var colour: String
        var width: Double
        var dash: Int
        var hasDots: Bool
    }

    static let rangeOpacity = 0.25
    static let bandOpacity = 0.55

    let resource: Resource
    /// Whether the panel is about the median, and curves are only examples.
    var isAboutMedian = false
    private var curves: [Curve] = []
    private var band = PlotTrace([])
    private var median = PlotTrace([])

    init(_ resource: Resource) {
        self.resource = resource
    }

    /// - Parameters:
    ///   - cuts: when steps begin, in the points' seconds: each is another process, and no curve goes on into it.
    ///   - hasDots: whether RAM's readings are marked, where there is room for that.
    mutating func add(
        _ points: [CurvePoint], cuts: [Double], colour: String, width: Double, dash: Int = 1, hasDots: Bool = true
    ) {
        let ranges = points.filter { $0.value == nil || ($0.low != nil && $0.high != nil) }
        curves.append(
            Curve(
                values: PlotTrace(points.map { ($0.second, $0.seconds, [$0.value]) }, cuts: cuts),
                range: PlotTrace(
                    ranges.map { ($0.second, $0.seconds, $0.value == nil ? [nil] : [$0.low, $0.high]) }, cuts: cuts),
                colour: colour, width: width, dash: dash, hasDots: hasDots))
    }

    mutating func setBand(_ points: [BandPoint], cuts: [Double]) {
        // Each step's task has a band of its own.
        band = PlotTrace(points.map { ($0.second, $0.seconds, [$0.low, $0.high]) }, cuts: cuts)
        median = PlotTrace(points.map { ($0.second, $0.seconds, [$0.median]) }, cuts: cuts)
    }

    var hasBand: Bool { band.count > 0 }
    var hasMedian: Bool { median.count > 0 }
    var hasRange: Bool { curves.contains { $0.range.count > 0 } }

    private var traces: [PlotTrace] { curves.flatMap { [$0.values, $0.range] } + [band, median] }
    /// In seconds.
    var end: Double { traces.map(\.end).max() ?? 0 }
    /// In cores, bytes, or bytes per second.
    private var maximum: Double { traces.map(\.maximum).max() ?? 0 }
    private var unit: PlotUnit { .of(resource, maximum: maximum) }
    var axis: PlotAxis { .fromZero(to: unit(maximum), count: 4) }

    /// - Parameters:
    ///   - time: the unit of the time axis.
    ///   - name: the time axis's, under the lowest panel.
    func draw(in script: inout GnuplotScript, frame: PlotFrame, x: PlotAxis, time: PlotUnit, name: String?) {
        let unit = unit
        let isEmpty = traces.allSatisfy { $0.count == 0 }
        script.label(
            isEmpty ? resource.axisName : "\(resource.axisName) (\(unit.name))", x: PlotStyle.axisNameMiddle,
            y: frame.middle, .center, angle: 90)
        if let name {
            script.label(
                "\(name) (\(time.name))", x: (frame.left + frame.right) / 2,
                y: frame.bottom + PlotStyle.timeNameMiddle, .center)
        }
        if isEmpty {
            script.label(
                "no readings", x: (frame.left + frame.right) / 2, y: frame.middle, .center, colour: PlotStyle.quiet)
        }
        var drawn: [PlotCurve] = []
        func rows(_ trace: PlotTrace, holdsLone: Bool = true) -> [[Double]?] {
            resource.isRate
                ? trace.held(unit.callAsFunction, x: time.callAsFunction)
                : trace.instants(unit.callAsFunction, x: time.callAsFunction, holdsLone: holdsLone)
        }
        drawn.append(PlotCurve(style: .area(opacity: Self.bandOpacity), colour: PlotStyle.band, rows: rows(band)))
        let medianCurve = PlotCurve(
            style: isAboutMedian ? .line(width: 1.6) : .line(width: 1, dash: 2),
            colour: isAboutMedian ? PlotStyle.colour(0) : PlotStyle.bandMedian, rows: rows(median))
        if !isAboutMedian { drawn.append(medianCurve) }
        for curve in curves {
            drawn.append(
                PlotCurve(style: .area(opacity: Self.rangeOpacity), colour: curve.colour, rows: rows(curve.range)))
        }
        for curve in curves {
            let room = frame.width / max(1e-9, x.upper - x.lower) * time(curve.values.length)
            // A curve that goes up and down within each pixel would be a thick bar.
            let width = Double(curve.values.count) > room ? min(0.8, curve.width) : curve.width
            drawn.append(
                PlotCurve(
                    style: .line(width: width, dash: curve.dash), colour: curve.colour,
                    rows: rows(curve.values, holdsLone: false)))
            guard !resource.isRate else { continue }
            // Nearer dots would be a thick line. A reading without neighbours has no line: it always has its dot.
            if curve.hasDots, Double(curve.values.count) * 7 < room {
                let dots = rows(curve.values, holdsLone: false)
                drawn.append(PlotCurve(style: .dots(size: 0.4), colour: curve.colour, rows: dots))
            }
            let lone = curve.values.lone(unit.callAsFunction, x: time.callAsFunction)
            drawn.append(PlotCurve(style: .dots(size: curve.width / 2.8), colour: curve.colour, rows: lone))
        }
        if isAboutMedian { drawn.append(medianCurve) }
        var y = axis
        if isEmpty { y.ticks = [] }
        script.panel(frame, x: x, y: y, curves: drawn)
    }
}
