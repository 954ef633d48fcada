import MillraceCore
import MillraceTesting
import Testing

@Suite struct JSONTests {
    @Test(
        "values come back as they were written",
        arguments: [
            JSONValue.null, true, false, 0, -1, .integer(.max), .integer(.min), 1.5, -2.5e-7, 1e300, "", "plain",
            "a\"b\\c\n\t\u{1}é😀", [], [1, [2, .null]], [:], ["b": 1, "a": ["c": "d"]],
        ] as [JSONValue])
    func roundTrip(_ value: JSONValue) throws {
        #expect(try JSONValue(parsing: value.encoded) == value)
    }

    @Test(
        "escapes of every kind are read",
        arguments: [
            (#""\u00e9\ud83d\ude00""#, "é😀"), (#""\b\f\n\r\t\/\\\"""#, "\u{8}\u{c}\n\r\t/\\\""),
        ])
    func escapes(_ text: String, _ expected: String) throws {
        #expect(try JSONValue(parsing: text) == .string(expected))
    }

    @Test(
        "what is not JSON is refused",
        arguments: [
            "", "  ", "{", "[1,]", "{\"a\"}", "{\"a\":1,}", "01", "1.", "-", "tru", "\"abc", "\"\u{1}\"", "\"\\x\"",
            "\"\\ud800\"",
            "[1] 2", "{\"a\":1,\"a\":2}", "nan", "1e999", "'a'", String(repeating: "[", count: 100_000),
        ])
    func malformed(_ text: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
    }

    @Test("bytes that are not UTF-8 are refused")
    func notUTF8() {
        #expect(throws: JSONError.self) { try JSONValue(parsing: [0x22, 0xFF, 0x22]) }
    }

    @Test("any bytes are read or refused, and never trap", arguments: 0..<20 as Range<UInt64>)
    func fuzz(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let alphabet = Array(#"{}[]",:0123456789.eE+-truefalsn\u "#.utf8) + [0, 0xC3, 0xA9, 0xFF]
        for _ in 0..<500 {
            let bytes = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
            }
            guard let value = try? JSONValue(parsing: bytes) else { continue }
            #expect((try? JSONValue(parsing: value.encoded)) == value, "seed \(seed), bytes \(bytes)")
        }
    }

    @Test("decimals are read as the library reads them", arguments: 0..<10 as Range<UInt64>)
    func decimals(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            let digits = String(Int.random(in: 0...Int.random(in: 1...Int.max, using: &generator), using: &generator))
            let point = digits.index(
                digits.startIndex, offsetBy: Int.random(in: 0...min(17, digits.count), using: &generator))
            let whole = digits[..<point].drop { $0 == "0" }
            let sign = Bool.random(using: &generator) ? "-" : ""
            let text = "\(sign)\(whole.isEmpty ? "0" : whole).\(digits[point...])0"
            #expect(try JSONValue(parsing: text).asNumber == Double(text), "\(text)")
        }
    }

    @Test("an error names its field")
    func path() {
        let error = #expect(throws: JSONError.self) {
            try OrderRequest.parse(
                file: Array(#"{"id":"a","image":"x","tasks":["blur",{"name":"rotate","parameters":7}]}"#.utf8))
        }
        #expect(error?.description == "tasks[1].parameters: must be an object")
    }
}

@Suite struct TimestampTests {
    @Test(
        "times are written and read in ISO 8601",
        arguments: [
            ("1970-01-01T00:00:00.000000Z", 0), ("2026-01-31T12:00:00.123456Z", 1_769_860_800_123_456),
            ("2000-02-29T23:59:59.999999Z", 951_868_799_999_999), ("1969-12-31T23:59:59.000000Z", -1_000_000),
        ] as [(String, Int64)])
    func text(_ text: String, _ microseconds: Int64) {
        #expect(Timestamp(microseconds: microseconds).description == text)
        #expect(Timestamp(parsing: text)?.microseconds == microseconds)
    }

    @Test("a fraction may have one to nine digits, or be left out")
    func fractions() {
        #expect(Timestamp(parsing: "1970-01-01T00:00:01Z")?.microseconds == 1_000_000)
        #expect(Timestamp(parsing: "1970-01-01T00:00:00.5Z")?.microseconds == 500_000)
        #expect(Timestamp(parsing: "1970-01-01T00:00:00.123456789Z")?.microseconds == 123_456)
    }

    @Test(
        "what is no time is refused",
        arguments: [
            "", "2026-01-31", "2026-13-01T00:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31T12:00:00+01:00",
            "2026-01-31T12:00:00.Z", "2026-01-31T12:00:00.1234567890Z", "x026-01-31T12:00:00Z",
        ])
    func refused(_ text: String) { #expect(Timestamp(parsing: text) == nil) }
}
