import Glibc

/// A panel's axis.
struct PlotAxis: Hashable, Sendable {
    struct Tick: Hashable, Sendable {
        var at: Double
        var label: String
    }

    var lower: Double
    var upper: Double
    var ticks: [Tick]
    /// Panels above others share the axis of the lowest.
    var showsLabels = true

    /// Of a quantity from zero to `maximum`, ending at a tick. It begins a little below zero, so that a curve that lies
    /// on zero is seen beside the axis.
    /// - Parameters:
    ///   - count: about so many ticks above zero.
    ///   - isWhole: whether it counts things: no tick lies between whole numbers.
    static func fromZero(to maximum: Double, count: Int, isWhole: Bool = false) -> PlotAxis {
        guard maximum > 0, maximum.isFinite else {
            return PlotAxis(lower: -0.035, upper: 1, ticks: ticks(every: 1, from: 0, to: 1))
        }
        var step = niceStep(maximum / Double(count))
        if isWhole { step = max(1, step) }
        // A peak that touches the frame would look cut off.
        let steps = max(1, ceil(maximum * 1.03 / step))
        let top = steps * step
        return PlotAxis(lower: -0.035 * top, upper: top, ticks: ticks(every: step, from: 0, to: top))
    }

    /// Ticks at whole multiples of a step.
    static func ticks(every step: Double, from lower: Double, to upper: Double) -> [Tick] {
        let first = ceil(lower / step - 1e-9)
        let last = floor(upper / step + 1e-9)
        guard step > 0, last >= first, last - first <= 1000 else { return [] }
        return (0...Int(last - first)).map { index in
            let at = (first + Double(index)) * step
            return Tick(at: at, label: label(at, step: step))
        }
    }

    /// One, two or five times a power of ten: the nearest to `value` as ratios go.
    static func niceStep(_ value: Double) -> Double {
        guard value > 0, value.isFinite else { return 1 }
        let power = pow(10, floor(log10(value)))
        switch value / power {
        case ..<1.4: return power
        case ..<2.8: return 2 * power
        case ..<7: return 5 * power
        default: return 10 * power
        }
    }

    /// A tick's number with as many decimals as its step has.
    static func label(_ value: Double, step: Double) -> String {
        if value == 0 { return "0" }
        guard step >= 1e-6, abs(value) < 1e7 else { return GnuplotScript.number(value) }
        let decimals = Int(max(0, -floor(log10(step) + 1e-9)))
        return fixed(value, decimals: decimals)
    }

    /// - Parameter decimals: 0 to 12.
    static func fixed(_ value: Double, decimals: Int) -> String {
        let scale = pow(10, Double(decimals))
        let scaled = (abs(value) * scale).rounded()
        guard scaled < 1e15 else { return GnuplotScript.number(value) }
        let digits = String(Int(scaled))
        let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
        let sign = value < 0 && scaled > 0 ? "-" : ""
        return sign + (decimals == 0 ? padded : "\(padded.dropLast(decimals)).\(padded.suffix(decimals))")
    }

    /// Three significant digits and no zeros behind: for a figure within a line of text.
    static func short(_ value: Double) -> String {
        guard value != 0, value.isFinite else { return value == 0 ? "0" : "–" }
        let exponent = Int(floor(log10(abs(value))))
        guard (-6...6).contains(exponent) else { return GnuplotScript.number(value) }
        return fixed(value, decimals: max(0, 2 - exponent))
    }

    /// The widest tick's label, in pixels.
    var labelWidth: Double { ticks.map { PlotStyle.width($0.label, font: PlotStyle.tickSize) }.max() ?? 0 }
}
