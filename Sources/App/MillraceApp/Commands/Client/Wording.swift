import MillraceCore

/// How times, sizes and texts of others look in tables and lines.
enum Wording {
    static let unknown = "–"

    /// In UTC, to the millisecond.
    static func time(_ time: Timestamp?) -> String {
        time.map { $0.description.prefix(23) + "Z" } ?? unknown
    }

    /// To the millisecond.
    static func seconds(_ duration: Duration?) -> String {
        guard let duration else { return unknown }
        let milliseconds = (duration.microseconds.magnitude + 500) / 1000
        let rest = String(milliseconds % 1000)
        let sign = duration < .zero && milliseconds > 0 ? "-" : ""
        return "\(sign)\(milliseconds / 1000).\(String(repeating: "0", count: 3 - rest.count))\(rest) s"
    }

    static func bytes(_ count: Int?) -> String {
        guard let count else { return unknown }
        guard count.magnitude >= 1024 else { return "\(count) B" }
        var value = Double(count)
        var unit = ""
        for next in ["KiB", "MiB", "GiB", "TiB"] where unit.isEmpty || value.magnitude >= 1024 {
            value /= 1024
            unit = next
        }
        return "\((value * 10).rounded() / 10) \(unit)"
    }

    static func number(_ count: Int?) -> String { count.map { String($0) } ?? unknown }

    /// `1 order`, `2 orders`.
    static func count(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

    /// A text that may come from anywhere, on one line and without what a terminal would take for commands.
    static func oneLine(_ text: String) -> String {
        var line = ""
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: if !line.hasSuffix(" ") { line.append(" ") }
            default: line.unicodeScalars.append(scalar)
            }
        }
        while line.hasSuffix(" ") { line.removeLast() }
        return line
    }
}
