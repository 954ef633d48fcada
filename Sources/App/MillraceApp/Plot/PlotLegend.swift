/// What curves and areas mean, in rows above the panels: they never cover data.
struct PlotLegend {
    struct Entry: Hashable {
        enum Sample: Hashable {
            case line(width: Double, dash: Int)
            case box(opacity: Double)
        }

        var text: String
        var sample: Sample
        var colour: String
    }

    static let rowHeight = 17.0
    private static let sampleWidth = 20.0
    private static let gap = 6.0
    private static let space = 20.0

    private let rows: [[(entry: Entry, left: Double)]]

    /// - Parameters:
    ///   - left: where rows begin, in pixels.
    ///   - right: where they end at the latest.
    init(_ entries: [Entry], left: Double, right: Double) {
        var rows: [[(entry: Entry, left: Double)]] = []
        var x = left
        let room = right - left - Self.sampleWidth - Self.gap
        for var entry in entries {
            entry.text = PlotStyle.shortened(entry.text, font: PlotStyle.smallSize, width: room)
            let width = Self.sampleWidth + Self.gap + PlotStyle.width(entry.text, font: PlotStyle.smallSize)
            if rows.isEmpty || (x + width > right && x > left) {
                rows.append([])
                x = left
            }
            rows[rows.count - 1].append((entry, x))
            x += width + Self.space
        }
        self.rows = rows
    }

    /// In pixels.
    var height: Double { Double(rows.count) * Self.rowHeight }

    func draw(in script: inout GnuplotScript, top: Double) {
        for (index, row) in rows.enumerated() {
            let y = top + (Double(index) + 0.5) * Self.rowHeight
            for (entry, x) in row {
                switch entry.sample {
                case .line(let width, let dash):
                    script.line(
                        from: (x, y), to: (x + Self.sampleWidth, y), colour: entry.colour, width: width, dash: dash)
                case .box(let opacity):
                    let frame = PlotFrame(left: x, top: y - 5, right: x + Self.sampleWidth, bottom: y + 5)
                    script.box(frame, colour: entry.colour, opacity: opacity)
                }
                script.label(
                    entry.text, x: x + Self.sampleWidth + Self.gap, y: y, font: PlotStyle.smallSize)
            }
        }
    }
}

/// The title, and the legend under it.
struct PlotHeader {
    static let margin = 12.0

    let title: [String]
    let legend: PlotLegend
    let left: Double

    /// - Parameter width: the picture's, in pixels.
    init(title: String, legend: [PlotLegend.Entry], width: Double) {
        left = Self.margin
        self.title = Self.wrapped(title, width: width - 2 * Self.margin)
        self.legend = PlotLegend(legend, left: Self.margin, right: width - Self.margin)
    }

    private static let lineHeight = 20.0

    /// In pixels, from the picture's top.
    var height: Double {
        10 + Double(title.count) * Self.lineHeight + (legend.height > 0 ? legend.height + 2 : 4)
    }

    func draw(in script: inout GnuplotScript) {
        for (index, line) in title.enumerated() {
            script.label(line, x: left, y: 8 + (Double(index) + 0.5) * Self.lineHeight, font: PlotStyle.titleSize)
        }
        legend.draw(in: &script, top: 10 + Double(title.count) * Self.lineHeight)
    }

    /// In lines that fit, broken at spaces, or within a word that is too long by itself.
    static func wrapped(_ text: String, width: Double) -> [String] {
        var lines: [String] = []
        var line = ""
        for character in text {
            let longer = line + String(character)
            guard PlotStyle.width(longer, font: PlotStyle.titleSize) > width, !line.isEmpty else {
                line = longer
                continue
            }
            if character != " ", let space = line.lastIndex(of: " ") {
                lines.append(String(line[..<space]))
                line = line[line.index(after: space)...] + String(character)
            } else {
                lines.append(line)
                line = character == " " ? "" : String(character)
            }
        }
        return line.isEmpty ? lines : lines + [line]
    }
}
