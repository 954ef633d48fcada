/// What a program wrote to its standard error, as a reason for people.
public enum ErrorText {
    /// At most this many bytes of UTF-8.
    public static let limit = 2048

    /// The last lines, whole ones if there is more than one: valid UTF-8 without control characters, which neither
    /// terminals nor databases take.
    public static func end(of bytes: [UInt8]) -> String {
        let text = readable(bytes)
        guard text.utf8.count > limit else { return text }
        let kept = text.utf8.suffix(limit)
        // From the first character that is whole, and better from the first line that is.
        var start = kept.startIndex
        while start < kept.endIndex, kept[start] & 0xC0 == 0x80 { start = kept.index(after: start) }
        let rest = text[start...]
        if let newline = rest.firstIndex(of: "\n"), rest.index(after: newline) < rest.endIndex {
            return String(rest[rest.index(after: newline)...])
        }
        return String(rest)
    }

    /// The last line that is not empty; nil if there is none.
    public static func lastLine(of bytes: [UInt8]) -> String? {
        end(of: bytes).split(separator: "\n").last { !$0.allSatisfy(\.isWhitespace) }.map(String.init)
    }

    private static func readable(_ bytes: [UInt8]) -> String {
        var scalars = String.UnicodeScalarView()
        var previous: Unicode.Scalar?
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
            defer { previous = scalar }
            switch scalar {
            case "\n" where previous == "\r": continue
            case "\n", "\t": scalars.append(scalar)
            // A carriage return begins a progress bar's line anew.
            case "\r": scalars.append("\n")
            case let scalar where scalar.properties.generalCategory == .control: continue
            default: scalars.append(scalar)
            }
        }
        let isSpace = { (scalar: Unicode.Scalar) in scalar.properties.isWhitespace }
        guard let first = scalars.firstIndex(where: { !isSpace($0) }),
            let last = scalars.lastIndex(where: { !isSpace($0) })
        else { return "" }
        return String(String.UnicodeScalarView(scalars[first...last]))
    }
}
