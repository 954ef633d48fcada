import MillraceCore

/// The unit that a quantity is shown in, picked by its size.
struct PlotUnit: Hashable, Sendable {
    var name: String
    /// A value in the base unit is divided by this.
    var divisor: Double

    func callAsFunction(_ value: Double) -> Double { value / divisor }

    /// The largest unit in which `maximum` is at least 1; the smallest if there is none.
    private static func pick(_ units: [PlotUnit], for maximum: Double) -> PlotUnit {
        units.last { maximum >= $0.divisor } ?? units[0]
    }

    // MARK: What is metered

    /// - Parameter maximum: in cores.
    static func cpu(_ maximum: Double) -> PlotUnit {
        // Below a hundredth of a core the ticks would be all zeros.
        maximum > 0 && maximum < 0.01
            ? PlotUnit(name: "millicores", divisor: 1e-3) : PlotUnit(name: "cores", divisor: 1)
    }

    /// - Parameter maximum: in bytes.
    static func ram(_ maximum: Double) -> PlotUnit {
        pick(binary, for: maximum)
    }

    /// - Parameter maximum: in bytes per second.
    static func rate(_ maximum: Double) -> PlotUnit {
        pick(decimal.map { PlotUnit(name: $0.name + "/s", divisor: $0.divisor) }, for: maximum)
    }

    /// - Parameter maximum: in bytes that were moved, not held.
    static func amount(_ maximum: Double) -> PlotUnit { pick(decimal, for: maximum) }

    static func of(_ resource: Resource, maximum: Double) -> PlotUnit {
        switch resource {
        case .cpu: cpu(maximum)
        case .ram: ram(maximum)
        case .disk: rate(maximum)
        }
    }

    private static let binary = [
        PlotUnit(name: "KiB", divisor: 0x1p10), PlotUnit(name: "MiB", divisor: 0x1p20),
        PlotUnit(name: "GiB", divisor: 0x1p30), PlotUnit(name: "TiB", divisor: 0x1p40),
    ]
    private static let decimal = [
        PlotUnit(name: "B", divisor: 1), PlotUnit(name: "kB", divisor: 1e3), PlotUnit(name: "MB", divisor: 1e6),
        PlotUnit(name: "GB", divisor: 1e9), PlotUnit(name: "TB", divisor: 1e12),
    ]

    // MARK: Time

    /// - Parameter span: the whole axis, in seconds.
    static func time(_ span: Double) -> PlotUnit {
        switch span {
        case ..<2: PlotUnit(name: "ms", divisor: 1e-3)
        case ..<300: PlotUnit(name: "s", divisor: 1)
        case ..<10_800: PlotUnit(name: "min", divisor: 60)
        case ..<259_200: PlotUnit(name: "h", divisor: 3600)
        default: PlotUnit(name: "days", divisor: 86_400)
        }
    }

    /// The axis of a time from zero on.
    /// - Parameters:
    ///   - span: in seconds.
    ///   - count: at most about so many ticks above zero.
    func axis(span: Double, count: Int) -> PlotAxis {
        let upper = self(span)
        var step = PlotAxis.niceStep(upper / Double(count))
        // Minutes and hours are not counted in fifties.
        let ladder: [Double] =
            switch name {
            case "min": [1, 2, 5, 10, 15, 30, 60]
            case "h": [0.5, 1, 2, 3, 6, 12, 24]
            default: []
            }
        if let rung = ladder.first(where: { $0 * Double(count) >= upper }) { step = rung }
        return PlotAxis(lower: 0, upper: upper, ticks: PlotAxis.ticks(every: step, from: 0, to: upper))
    }
}

extension Resource {
    /// As the name of an axis.
    var axisName: String {
        switch self {
        case .cpu: "CPU"
        case .ram: "RAM"
        case .disk: "Disk"
        }
    }

    /// Whether a sample is the mean over its interval, and not the state at its end.
    var isRate: Bool { self != .ram }
}
