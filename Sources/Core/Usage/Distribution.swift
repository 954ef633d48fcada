/// How a quantity is spread over many steps.
public struct Distribution: Hashable, Sendable {
    public var count: Int
    public var minimum: Double
    public var p5: Double
    public var median: Double
    public var p95: Double
    public var maximum: Double

    public init(
        count: Int, minimum: Double, p5: Double, median: Double, p95: Double, maximum: Double
    ) {
        self.count = count
        self.minimum = minimum
        self.p5 = p5
        self.median = median
        self.p95 = p95
        self.maximum = maximum
    }

    /// - Returns: nil for no values.
    public init?(_ values: [Double]) {
        let sorted = values.filter(\.isFinite).sorted()
        guard let first = sorted.first, let last = sorted.last else { return nil }
        self.init(
            count: sorted.count, minimum: first, p5: Self.quantile(0.05, of: sorted),
            median: Self.quantile(0.5, of: sorted), p95: Self.quantile(0.95, of: sorted), maximum: last)
    }

    /// The quantile of sorted values, interpolated between neighbours as NumPy and R do by default; 0 for none.
    public static func quantile(_ fraction: Double, of sorted: [Double]) -> Double {
        guard let last = sorted.last else { return 0 }
        let place = min(max(fraction, 0), 1) * Double(sorted.count - 1)
        let index = Int(place)
        guard index + 1 < sorted.count else { return last }
        return sorted[index] + (sorted[index + 1] - sorted[index]) * (place - Double(index))
    }
}

/// What a step of a task may be expected to use of a resource, moment by moment since its start.
public struct UsageProfile: Hashable, Sendable {
    public struct Point: Hashable, Sendable {
        /// The end of the moment that it stands for, in seconds since the step's start.
        public var second: Double
        /// Its length, in seconds.
        public var seconds: Double
        public var p5: Double
        public var median: Double
        public var p95: Double
        /// The steps that were still running then, and known.
        public var steps: Int

        public init(second: Double, seconds: Double, p5: Double, median: Double, p95: Double, steps: Int) {
            self.second = second
            self.seconds = seconds
            self.p5 = p5
            self.median = median
            self.p95 = p95
            self.steps = steps
        }
    }

    public var points: [Point]

    /// - Parameter steps: each step's points, with the step's start.
    public init(_ steps: [(startedAt: Timestamp, points: [UsagePoint])]) {
        let steps = steps.filter { !$0.points.isEmpty }
        let lengths = steps.compactMap { step in
            step.points.last.map { ($0.at - step.startedAt).inSeconds }
        }.sorted()
        // The longest few would draw a tail of single steps.
        let length = Distribution.quantile(0.95, of: lengths)
        points = []
        guard length > 0 else { return }
        let count = Self.pointCount(length)
        let width = length / Double(count)
        var values: [[Double]] = Array(repeating: [], count: count)
        for step in steps {
            for point in step.points {
                let end = (point.at - step.startedAt).inSeconds
                // The middles that the point's interval covers.
                let first = max(0, Int(((end - point.seconds) / width + 0.5).rounded(.down)))
                let last = min(count - 1, Int((end / width - 0.5).rounded(.down)))
                guard first <= last else { continue }
                for index in first...last { values[index].append(point.value) }
            }
        }
        for (index, values) in values.enumerated() {
            guard let spread = Distribution(values) else { continue }
            points.append(
                Point(
                    second: Double(index + 1) * width, seconds: width, p5: spread.p5, median: spread.median,
                    p95: spread.p95, steps: spread.count))
        }
    }

    /// A point a second, but never too few for a picture, nor more than one can show.
    private static func pointCount(_ length: Double) -> Int {
        Int(min(max(length.rounded(), 20), 600))
    }
}

extension [UsagePoint] {
    /// At most so many points, for a picture: neighbours become one, which keeps the least and the largest of them. A gap
    /// stays one.
    public func downsampled(to count: Int) -> [UsagePoint] {
        guard count >= 1, self.count > count, let first, let last else { return self }
        let start = first.at + .seconds(fraction: -first.seconds)
        let width = (last.at - start).inSeconds / Double(count)
        guard width > 0 else { return self }
        var result: [UsagePoint] = []
        var bucket = -1
        for point in self {
            let index = Swift.min(count - 1, Int((point.at - start).inSeconds / width))
            if index == bucket, let before = result.last {
                result[result.count - 1] = before.merged(with: point)
            } else {
                result.append(point)
                bucket = index
            }
        }
        return result
    }
}

extension UsagePoint {
    /// Both intervals as one: the mean by their lengths, the least and the largest of both.
    public func merged(with later: UsagePoint) -> UsagePoint {
        let length = seconds + later.seconds
        let mean = length > 0 ? (value * seconds + later.value * later.seconds) / length : (value + later.value) / 2
        return UsagePoint(
            at: later.at, seconds: length, value: mean, low: min(low, later.low), high: max(high, later.high))
    }
}
