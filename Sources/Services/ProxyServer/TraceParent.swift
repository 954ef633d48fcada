import HTTPTypes
import Hummingbird

/// The `traceparent` header of W3C Trace Context: a request's place in a trace.
struct TraceParent: Hashable {
    let text: String

    /// The request's own, or a new one where it has none that is valid.
    init(of headers: HTTPFields) {
        let given = Self.header.flatMap { headers[$0] }.flatMap(TraceParent.init(parsing:))
        var generator = SystemRandomNumberGenerator()
        self = given ?? TraceParent(using: &generator)
    }

    /// - Returns: nil for what the specification says to ignore. A later version is read as far as this one goes.
    init?(parsing text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 4, parts[0] != "ff", parts[0] != "00" || parts.count == 4,
            zip(parts, [2, 32, 16, 2]).allSatisfy({ $0.utf8.count == $1 && $0.utf8.allSatisfy(Self.isHex) }),
            parts[1].contains(where: { $0 != "0" }), parts[2].contains(where: { $0 != "0" })
        else { return nil }
        self.text = "00-\(parts[1])-\(parts[2])-\(parts[3])"
    }

    init(using generator: inout some RandomNumberGenerator) {
        func word() -> String { Self.hex(UInt64.random(in: 1 ... .max, using: &generator)) }
        text = "00-\(word())\(word())-\(word())-01"
    }

    func put(into headers: inout HTTPFields) {
        if let header = Self.header { headers[header] = text }
    }

    private static let header = HTTPField.Name("traceparent")

    private static func isHex(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }

    private static func hex(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
