/// A value that was measured for an order or a step.
struct CurvePoint: Hashable, Sendable {
    /// The end of the interval, in seconds since the start of the order, or of the step.
    var second: Double
    /// The interval's length, in seconds.
    var seconds: Double
    /// In cores, bytes, or bytes per second. nil where it is not known: a break in the curve.
    var value: Double?
    /// The smallest and the largest of the values that a point stands for, where it stands for several.
    var low: Double?
    var high: Double?

    init(second: Double, seconds: Double, value: Double?, low: Double? = nil, high: Double? = nil) {
        self.second = second
        self.seconds = seconds
        self.value = value
        self.low = low
        self.high = high
    }
}

/// What is expected in an interval, in cores, bytes, or bytes per second. Each is nil where it is not known.
struct BandPoint: Hashable, Sendable {
    /// The end of the interval, in seconds since the start of the order, or of the step.
    var second: Double
    /// The interval's length, in seconds.
    var seconds: Double
    /// The 5th percentile.
    var low: Double?
    var median: Double?
    /// The 95th percentile.
    var high: Double?

    init(second: Double, seconds: Double, low: Double?, median: Double? = nil, high: Double?) {
        self.second = second
        self.seconds = seconds
        self.low = low
        self.median = median
        self.high = high
    }
}

/// Points of a curve, in stretches without a gap.
struct PlotTrace {
    struct Point: Hashable {
        var end: Double
        var seconds: Double
        var values: [Double]

        var start: Double { end - seconds }
    }

    private(set) var stretches: [[Point]] = []

    /// - Parameters:
    ///   - points: in any order. One of which a value is nil or not a number is a gap; so is a time that no point's
    ///     interval covers.
    ///   - cuts: moments at which a curve is broken too, as another process begins there.
    init(_ points: [(second: Double, seconds: Double, values: [Double?])], cuts: [Double] = []) {
        var isBroken = true
        for point in points.sorted(by: { $0.second < $1.second }) {
            let values = point.values.compactMap { $0 }.filter(\.isFinite)
            guard values.count == point.values.count, point.second.isFinite, point.seconds.isFinite else {
                isBroken = true
                continue
            }
            var new = Point(end: point.second, seconds: max(0, point.seconds), values: values)
            // Neighbours' times are rounded, each by itself: a twentieth of an interval is no gap.
            let slack = new.seconds / 20
            if !isBroken, let last = stretches.last?.last, new.start - last.end <= slack {
                if !cuts.contains(where: { last.end - slack / 2 <= $0 && $0 < new.end - slack }) {
                    // Neighbours touch: no double line where they overlap by a moment.
                    new.seconds = max(0, new.end - last.end)
                    stretches[stretches.count - 1].append(new)
                    continue
                }
            }
            stretches.append([new])
            isBroken = false
        }
    }

    /// Values that hold over their intervals.
    func held(_ scale: (Double) -> Double, x: (Double) -> Double) -> [[Double]?] {
        joined(stretches) { point, _ in
            let values = point.values.map(scale)
            return [[x(point.start)] + values, [x(point.end)] + values]
        }
    }

    /// Values at the ends of intervals.
    /// - Parameter holdsLone: whether a value without a neighbour holds over its interval, as one point is no area.
    func instants(_ scale: (Double) -> Double, x: (Double) -> Double, holdsLone: Bool = false) -> [[Double]?] {
        joined(stretches) { point, isLone in
            let end = [x(point.end)] + point.values.map(scale)
            return isLone && holdsLone ? [[x(point.start)] + point.values.map(scale), end] : [end]
        }
    }

    /// Those of ``instants(_:x:)`` that have no neighbour: a line does not show them.
    func lone(_ scale: (Double) -> Double, x: (Double) -> Double) -> [[Double]?] {
        joined(stretches.filter { $0.count == 1 }) { point, _ in [[x(point.end)] + point.values.map(scale)] }
    }

    private func joined(_ stretches: [[Point]], _ rows: (Point, _ isLone: Bool) -> [[Double]]) -> [[Double]?] {
        var all: [[Double]?] = []
        for stretch in stretches {
            if !all.isEmpty { all.append(nil) }
            for point in stretch { all.append(contentsOf: rows(point, stretch.count == 1)) }
        }
        return all
    }

    var count: Int { stretches.reduce(0) { $0 + $1.count } }
    /// The largest value; zero of none.
    var maximum: Double { stretches.joined().flatMap(\.values).max() ?? 0 }
    /// From the first interval's start to the last one's end, in seconds.
    var length: Double { end - (stretches.first?.first?.start ?? 0) }
    /// The last point's end; zero of none.
    var end: Double { stretches.last?.last?.end ?? 0 }
}
