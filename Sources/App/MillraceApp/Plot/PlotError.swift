/// Why a picture could not be drawn, and what to do about it: a sentence for people.
struct PlotError: Error, Hashable, CustomStringConvertible {
    var description: String

    init(_ description: String) {
        self.description = description
    }
}

/// What a picture's file is, told by the ending of its name.
enum PlotFormat: String, CaseIterable, Hashable, Sendable {
    case svg
    case png

    init(path: String) throws(PlotError) {
        let name = path.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
        guard let dot = name.lastIndex(of: "."), let format = Self(rawValue: name[dot...].dropFirst().lowercased())
        else { throw PlotError("a picture's name must end with .svg or .png: ‘\(path)’") }
        self = format
    }

    /// The commands that choose gnuplot's terminal. A PNG has two pixels for each of the size, for fine screens and
    /// print; its points are those of 96 to the inch, hence three quarters of the font's size.
    /// - Parameter size: in pixels.
    func terminal(_ size: PlotSize) -> String {
        let (width, height) = (Int(size.width.rounded(.up)), Int(size.height.rounded(.up)))
        switch self {
        case .svg:
            return "set terminal svg noenhanced rounded size \(width),\(height) background '#ffffff'"
                + " font 'Helvetica,Arial,sans-serif,\(PlotStyle.fontSize)'"
        case .png:
            return "set terminal pngcairo noenhanced rounded size \(2 * width),\(2 * height) background '#ffffff'"
                + " fontscale 1.5 linewidth 2 pointscale 2 dashlength 0.5 font 'Helvetica,\(PlotStyle.fontSize)'"
        }
    }

    /// Whether a file is there to its end: gnuplot does not tell when the disk is full.
    func isWhole(_ bytes: [UInt8]) -> Bool {
        switch self {
        case .svg:
            return bytes.starts(with: "<?xml".utf8) && bytes.suffix(16).contains("</svg>".utf8)
        case .png:
            return bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) && bytes.suffix(8).contains("IEND".utf8)
        }
    }
}
