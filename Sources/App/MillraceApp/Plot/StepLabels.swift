import Glibc

/// Where the names of steps stand above a panel, so that none overlaps another.
///
/// They lie flat if that can be, lean if not, and stand upright if there are many. Where steps are too short for their
/// names, these move apart, and a thin line leads to the step. If even that is not enough room, the shortest steps go
/// without a name.
struct StepLabels {
    struct Label: Hashable {
        /// Among the steps that were given.
        var index: Int
        /// In pixels: the middle of the step, and of the name.
        var step: Double
        var name: Double
    }

    let labels: [Label]
    /// In degrees.
    let angle: Int
    /// Whether lines lead from names to steps.
    let hasLeaders: Bool
    /// What names and lines need above the panel, in pixels.
    let height: Double
    private let names: [String]

    private static let font = PlotStyle.smallSize
    private static let leader = 12.0
    /// Upright names are a line's height apart.
    private static let pitch = 11.5

    /// - Parameters:
    ///   - steps: their names and middles in pixels, in order of time, and their lengths in any unit.
    ///   - left: what names may not pass, in pixels.
    init(_ steps: [(name: String, middle: Double, length: Double)], left: Double, right: Double) {
        names = steps.map(\.name)
        let widths = names.map { PlotStyle.width($0, font: Self.font) }
        let middles = steps.map(\.middle)
        let all = Array(steps.indices)
        guard !all.isEmpty else {
            (labels, angle, hasLeaders, height) = ([], 0, false, 0)
            return
        }

        func place(_ indices: [Int], _ distances: [Double], from lower: Double, to upper: Double) -> [Label]? {
            Self.spread(indices.map { middles[$0] }, distances: distances, from: lower, to: upper).map { places in
                zip(indices, places).map { Label(index: $0, step: middles[$0], name: $1) }
            }
        }
        func shift(_ labels: [Label]) -> Double { labels.map { abs($0.name - $0.step) }.max() ?? 0 }

        let flat = zip(widths, widths.dropFirst()).map { ($0 + $1) / 2 + 10 }
        if let flat = place(all, flat, from: left + widths[0] / 2, to: right - widths[all.count - 1] / 2),
            shift(flat) <= 64
        {
            (labels, angle, hasLeaders) = (flat, 0, shift(flat) > 8)
            height = 16 + (hasLeaders ? Self.leader : 0)
            return
        }
        // Leaning to the right if the last names end within the picture; else to the left, if the first ones do.
        let lean = 0.71
        let leaning = place(all, Array(repeating: 16, count: all.count - 1), from: left + 4, to: right - 12) ?? []
        let ends = [45, -45].first { angle in
            leaning.allSatisfy { label in
                let end = label.name + (angle > 0 ? 1 : -1) * (widths[label.index] * lean + 6)
                return (left...right).contains(end)
            }
        }
        if all.count <= 24, let ends, !leaning.isEmpty, shift(leaning) <= 60 {
            (labels, angle, hasLeaders) = (leaning, ends, shift(leaning) > 2)
            height = (widths.max() ?? 0) * lean + 14 + (hasLeaders ? Self.leader : 0)
            return
        }
        let room = max(1, Int((right - left - 8) / Self.pitch) + 1)
        let named = all.sorted { (steps[$0].length, $1) > (steps[$1].length, $0) }.prefix(room).sorted()
        let upright =
            place(named, Array(repeating: Self.pitch, count: named.count - 1), from: left, to: right - 8) ?? []
        (labels, angle, hasLeaders) = (upright, 90, shift(upright) > 2)
        height = (named.map { widths[$0] }.max() ?? 0) + 8 + (hasLeaders ? Self.leader : 0)
    }

    /// The places nearest to those wanted that are at least `distances` apart: the least sum of squared shifts.
    /// - Parameters:
    ///   - wanted: ascending.
    ///   - distances: between neighbours, one fewer.
    /// - Returns: nil if there is no room.
    static func spread(_ wanted: [Double], distances: [Double], from lower: Double, to upper: Double) -> [Double]? {
        // Less the distances so far, places must only not descend: that is isotonic regression, by pooling neighbours.
        let offsets = distances.reduce(into: [0.0]) { $0.append(($0.last ?? 0) + $1) }
        let last = upper - (offsets.last ?? 0)
        guard last >= lower else { return nil }
        var pools: [(sum: Double, count: Int)] = []
        for (place, offset) in zip(wanted, offsets) {
            pools.append((place - offset, 1))
            while pools.count > 1 {
                let (a, b) = (pools[pools.count - 2], pools[pools.count - 1])
                guard a.sum * Double(b.count) > b.sum * Double(a.count) else { break }
                pools.removeLast(2)
                pools.append((a.sum + b.sum, a.count + b.count))
            }
        }
        let means = pools.flatMap { Array(repeating: $0.sum / Double($0.count), count: $0.count) }
        return zip(means, offsets).map { min(max($0, lower), last) + $1 }
    }

    /// - Parameters:
    ///   - bottom: of the room for names, in pixels.
    ///   - colour: of the names.
    func draw(in script: inout GnuplotScript, bottom: Double, colour: String) {
        let foot = hasLeaders ? bottom - Self.leader : bottom
        for label in labels {
            if hasLeaders {
                script.line(
                    from: (label.step, bottom), to: (label.name, foot + 2), colour: PlotStyle.quiet, width: 0.5)
            }
            // Places are of a text's middle: what leans or stands upright must not touch the panel.
            let (y, alignment): (Double, PlotAlignment) =
                switch angle {
                case 0: (foot - 8, .center)
                case 90: (foot - 2, .left)
                case 45: (foot - 4, .left)
                default: (foot - 4, .right)
                }
            script.label(
                names[label.index], x: label.name, y: y, alignment, font: Self.font, colour: colour, angle: angle)
        }
    }
}
