import MillraceCore

/// A step of an order.
struct StepSpan: Hashable, Sendable {
    var task: String
    /// In seconds since the order's start.
    var from: Double
    var to: Double
}

/// What an order consumed.
struct OrderCurve: Sendable {
    var name: String
    /// Seconds are since the order's start.
    var points: [Resource: [CurvePoint]]
    var steps: [StepSpan]

    init(name: String, points: [Resource: [CurvePoint]], steps: [StepSpan] = []) {
        self.name = name
        self.points = points
        self.steps = steps.filter { $0.from.isFinite && $0.to.isFinite }.sorted { $0.from < $1.from }
    }
}

/// What orders consumed over time, laid over one another from their starts: a panel per resource.
///
/// One order has its steps shaded. Several have a bar of steps each, as their steps begin at times of their own.
struct UsageFigure: Sendable {
    var title: String
    var orders: [OrderCurve]
    /// What is expected of the first order's steps; seconds are since the order's start.
    var band: [Resource: [BandPoint]]

    init(title: String, orders: [OrderCurve], band: [Resource: [BandPoint]] = [:]) {
        self.title = title
        self.orders = orders
        self.band = band
    }
}

extension UsageFigure: PlotFigure {
    func script(_ format: PlotFormat, output: String) -> GnuplotScript {
        UsageLayout(self).script(format, output: output)
    }
}

/// A picture that gnuplot can draw.
protocol PlotFigure: Sendable {
    /// - Parameter output: the path that gnuplot writes to.
    func script(_ format: PlotFormat, output: String) -> GnuplotScript
}
