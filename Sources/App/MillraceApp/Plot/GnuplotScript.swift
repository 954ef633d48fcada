import Glibc

/// What a figure is to gnuplot: a script with its data in it. The same figure is the same text.
///
/// Places are in pixels from the picture's top left corner; gnuplot's own are fractions from the bottom left one.
struct GnuplotScript {
    let size: PlotSize
    private var lines: [String]
    private var blockCount = 0

    /// - Parameter output: the path that gnuplot writes to.
    init(_ format: PlotFormat, size: PlotSize, output: String) {
        self.size = size
        lines = [
            "set encoding utf8", format.terminal(size), "set output \(Self.quoted(output))",
            "set multiplot", "unset key",
        ]
    }

    /// The whole script.
    var text: String { (lines + ["unset multiplot", "unset output", ""]).joined(separator: "\n") }

    mutating func command(_ line: String) { lines.append(line) }

    /// Puts data in, as a block of its own.
    /// - Parameter rows: columns of numbers; nil is an empty line, at which gnuplot breaks a curve.
    /// - Returns: the block's name; nil without a row: gnuplot does not take what is empty.
    mutating func block(_ rows: [[Double]?]) -> String? {
        guard rows.contains(where: { $0 != nil }) else { return nil }
        blockCount += 1
        let name = "$data\(blockCount)"
        lines.append("\(name) << EOD")
        for row in rows { lines.append((row ?? []).map { Self.number($0) }.joined(separator: " ")) }
        lines.append("EOD")
        return name
    }

    // MARK: Text

    /// A text as gnuplot reads it. Single quotes take all literally but themselves, backquotes and backslashes
    /// included; what would end the line or cannot be in an SVG becomes a space.
    static func quoted(_ text: String) -> String {
        var result = "'"
        for scalar in text.unicodeScalars {
            switch scalar {
            case "'": result += "''"
            case _ where scalar.properties.generalCategory == .control: result += " "
            // Not characters of XML.
            case "\u{2028}", "\u{2029}", "\u{FFFE}", "\u{FFFF}": result += " "
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "'"
    }

    /// Seven significant digits: more than a picture shows, and no rounding noise in the script.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return "NaN" }
        guard value != 0 else { return "0" }
        let scale = pow(10, 6 - floor(log10(abs(value))))
        let rounded = (value * scale).rounded() / scale
        let text = "\(rounded.isFinite ? rounded : value)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
}

// MARK: Shapes

extension GnuplotScript {
    /// A place of the picture, in pixels, as gnuplot has it.
    private func screen(_ x: Double, _ y: Double) -> String {
        "screen \(Self.number(x / size.width)),\(Self.number(1 - y / size.height))"
    }

    /// Writes a text.
    /// - Parameters:
    ///   - y: of the middle of the line.
    ///   - angle: in degrees, against the clock.
    mutating func label(
        _ text: String, x: Double, y: Double, _ alignment: PlotAlignment = .left, font: Int = PlotStyle.fontSize,
        colour: String = PlotStyle.ink, angle: Int = 0
    ) {
        guard !text.isEmpty else { return }
        command(
            "set label \(Self.quoted(text)) at \(screen(x, y)) \(alignment.rawValue)"
                + (angle == 0 ? "" : " rotate by \(angle)") + " font ',\(font)' textcolor rgb '\(colour)' front")
    }

    mutating func line(
        from: (x: Double, y: Double), to: (x: Double, y: Double), colour: String, width: Double, dash: Int = 1
    ) {
        command(
            "set arrow from \(screen(from.x, from.y)) to \(screen(to.x, to.y)) nohead"
                + " lc rgb '\(colour)' lw \(width) dt \(dash) front")
    }

    mutating func box(_ frame: PlotFrame, colour: String, opacity: Double = 1) {
        command(
            "set object rectangle from \(screen(frame.left, frame.bottom)) to \(screen(frame.right, frame.top))"
                + " fillcolor rgb '\(colour)' fillstyle \(Self.solid(opacity)) behind")
    }

    private static func solid(_ opacity: Double) -> String {
        opacity < 1 ? "transparent solid \(opacity) noborder" : "solid noborder"
    }

    /// Draws a panel with what was placed since the last one.
    /// - Parameter curves: the first is the lowest.
    mutating func panel(_ frame: PlotFrame, x: PlotAxis, y: PlotAxis, curves: [PlotCurve]) {
        command("set lmargin at screen \(Self.number(frame.left / size.width))")
        command("set rmargin at screen \(Self.number(frame.right / size.width))")
        command("set tmargin at screen \(Self.number(1 - frame.top / size.height))")
        command("set bmargin at screen \(Self.number(1 - frame.bottom / size.height))")
        for tick in x.ticks where x.showsLabels {
            label(
                tick.label, x: frame.left + (tick.at - x.lower) / (x.upper - x.lower) * frame.width,
                y: frame.bottom + 12, .center, font: PlotStyle.tickSize)
        }
        command("set border 3 lw 0.7 lc rgb '\(PlotStyle.axis)'")
        command("set grid noxtics ytics back lt 1 lw 0.5 lc rgb '\(PlotStyle.grid)'")
        for (name, axis) in [("x", x), ("y", y)] {
            command("set \(name)range [\(Self.number(axis.lower)):\(Self.number(axis.upper))]")
            guard !axis.ticks.isEmpty else {
                command("unset \(name)tics")
                continue
            }
            // Numbers under the axis are labels of our own: terminals differ in how far below they set gnuplot's.
            let hasNumbers = name == "y" && axis.showsLabels
            let ticks = axis.ticks.map { "\(Self.quoted(hasNumbers ? $0.label : "")) \(Self.number($0.at))" }
            let style = "font ',\(PlotStyle.tickSize)' textcolor rgb '\(PlotStyle.ink)' offset 0.4,0"
            command("set \(name)tics out nomirror scale 0.5 \(style) (\(ticks.joined(separator: ", ")))")
        }
        var elements: [String] = []
        for curve in curves {
            guard let name = block(curve.rows) else { continue }
            let colour = "lc rgb '\(curve.colour)'"
            switch curve.style {
            case .line(let width, let dash): elements.append("\(name) with lines \(colour) lw \(width) dt \(dash)")
            case .dots(let size): elements.append("\(name) with points pt 7 ps \(size) \(colour)")
            case .area(let opacity):
                elements.append(
                    "\(name) using 1:2:3 with filledcurves fillcolor rgb '\(curve.colour)'"
                        + " fillstyle \(Self.solid(opacity))")
            }
        }
        // A panel without data has its axes nevertheless.
        command("plot " + (elements.isEmpty ? "1/0" : elements.joined(separator: ", \\\n    ")))
        command("unset label\nunset arrow\nunset object")
    }
}
