/// How all pictures look.
enum PlotStyle {
    /// In points, which are an SVG's pixels.
    static let fontSize = 12
    static let titleSize = 14
    static let tickSize = 10
    static let smallSize = 10

    /// To the left of a panel: the axis's name, and room between it and the widest number; in pixels.
    static let axisNameWidth = 40.0
    static let axisNameMiddle = 18.0
    /// Under the lowest panel: numbers and the axis's name; in pixels.
    static let timeNameHeight = 42.0
    static let timeNameMiddle = 28.0

    static let ink = "#222222"
    static let quiet = "#666666"
    static let axis = "#555555"
    static let grid = "#e2e2e2"
    /// Steps are shaded in turn with these; what is between steps stays white.
    static let shades = ["#f0f0f0", "#f8f8f8"]
    static let band = "#a9cbe8"
    static let bandMedian = "#5b93c4"

    /// Colours that all eyes tell apart (M. Okabe and K. Ito, 2008) without the yellow, which is too light for lines.
    static let palette = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"]

    static func colour(_ index: Int) -> String { palette[index % palette.count] }

    /// gnuplot's dash type: after each round of colours another, of the five it has.
    static func dash(_ index: Int) -> Int { index / palette.count % 5 + 1 }

    /// A text with its middle left out if it is wider than `width` pixels: names that differ do so at their ends.
    static func shortened(_ text: String, font: Int, width: Double) -> String {
        guard Self.width(text, font: font) > width else { return text }
        var kept = text.count / 2
        func cut() -> String { text.prefix(kept) + "…" + text.suffix(kept) }
        while kept > 1, Self.width(cut(), font: font) > width { kept -= 1 }
        return cut()
    }

    /// About how wide a text is in Helvetica, in pixels; a little more, as another font may have to stand in.
    static func width(_ text: String, font: Int) -> Double {
        var thousandths = 0.0
        for scalar in text.unicodeScalars {
            switch scalar {
            case "i", "j", "l", "'", "|": thousandths += 222
            case " ", "f", "t", ".", ",", ":", ";", "/", "!", "I", "[", "]": thousandths += 278
            case "r", "-", "(", ")": thousandths += 333
            case "c", "k", "s", "v", "x", "y", "z", "J": thousandths += 500
            case "w", "C", "D", "H", "N", "R", "U": thousandths += 722
            case "m", "M", "O", "G", "Q", "%": thousandths += 833
            case "W", "@": thousandths += 980
            case "A", "B", "E", "K", "P", "S", "V", "X", "Y": thousandths += 667
            case "\u{0}"..."\u{7F}", "–", "·": thousandths += 570
            case "\u{80}"..."\u{52F}": thousandths += 700
            default: thousandths += 1000
            }
        }
        return thousandths / 1000 * Double(font) * 1.08
    }
}

/// In pixels.
struct PlotSize: Hashable, Sendable {
    var width: Double
    var height: Double
}

/// In pixels from the picture's top left corner.
struct PlotFrame: Hashable, Sendable {
    var left: Double
    var top: Double
    var right: Double
    var bottom: Double

    var width: Double { right - left }
    var middle: Double { (top + bottom) / 2 }
}

enum PlotAlignment: String {
    case left
    case center
    case right
}

/// What is drawn in a panel, in the panel's own units.
struct PlotCurve {
    enum Style {
        /// - dash: gnuplot's dash type; 1 is solid.
        case line(width: Double, dash: Int = 1)
        /// - size: in sizes of gnuplot's own points.
        case dots(size: Double)
        /// Between the second column and the third.
        case area(opacity: Double)
    }

    var style: Style
    var colour: String
    /// Columns; nil breaks the curve.
    var rows: [[Double]?]
}
