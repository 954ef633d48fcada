import MillraceCore

/// An axis of moments, in UTC. Positions on it are seconds since ``from``.
struct ClockAxis: Hashable, Sendable {
    let from: Timestamp
    let until: Timestamp

    /// An instant has no length to be drawn: it gets a second.
    init(from: Timestamp, until: Timestamp) {
        self.from = from
        self.until = max(until, from + .milliseconds(10) > until ? from + .seconds(1) : until)
    }

    func callAsFunction(_ time: Timestamp) -> Double { (time - from).inSeconds }

    var length: Double { self(until) }

    /// In seconds. What divides a day, or is whole days: ticks stand at round times.
    private static let steps: [Double] = [
        0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600,
        7200, 10_800, 21_600, 43_200, 86_400, 172_800, 432_000, 864_000, 2_592_000, 8_640_000,
    ]

    /// - Parameter count: at most so many ticks.
    func axis(count: Int) -> PlotAxis {
        let step = Self.steps.first { length / $0 <= Double(count) } ?? length
        // Microseconds since 1970 are exact in a Double for three centuries, and a moment out of bounds must not trap.
        let stepLength = (step * 1000).rounded() * 1000
        let first = (Double(from.microseconds) / stepLength).rounded(.up)
        var ticks: [PlotAxis.Tick] = []
        for index in 0...count {
            let microseconds = (first + Double(index)) * stepLength
            guard abs(microseconds) < 9e18 else { break }
            let time = Timestamp(microseconds: Int64(microseconds))
            guard time >= from, time <= until else { continue }
            ticks.append(PlotAxis.Tick(at: self(time), label: label(time, step: step)))
        }
        return PlotAxis(lower: 0, upper: length, ticks: ticks)
    }

    private func label(_ time: Timestamp, step: Double) -> String {
        // 2026-01-31T12:00:00.123456Z
        let text = time.description
        let clock = text.dropFirst(11)
        switch step {
        case ..<1: return String(clock.prefix(step < 0.01 ? 12 : step < 0.1 ? 11 : 10))
        // Over days the clock alone does not tell which.
        case _ where length > 172_800: return "\(text.dropFirst(5).prefix(5)) \(clock.prefix(5))"
        default: return String(clock.prefix(8))
        }
    }

    /// The axis's name: the zone and the day, or days.
    var name: String {
        let days = [from, until].map { $0.description.prefix(10) }
        return days[0] == days[1] ? "UTC, \(days[0])" : "UTC, \(days[0]) to \(days[1])"
    }
}
