/// Reads JSON (RFC 8259) from bytes, in one pass, without an intermediate tree. Every error names its field.
///
/// It lives inside ``read(_:_:)`` only, since it points into the caller's bytes.
public struct JSONReader {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var index = 0
    private var depth = 0

    /// Deeper nesting is refused, so that no input can exhaust the stack.
    static let maximumDepth = 64

    /// Runs `body` over one document, which must fill the bytes.
    public static func read<Result>(
        _ bytes: [UInt8], _ body: (inout JSONReader) throws(JSONError) -> Result
    ) throws(JSONError) -> Result {
        let result = bytes.withUnsafeBufferPointer { buffer -> Swift.Result<Result, JSONError> in
            var reader = JSONReader(bytes: buffer)
            do throws(JSONError) {
                let result = try body(&reader)
                try reader.end()
                return .success(result)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private init(bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
    }

    // MARK: Values

    /// Reads an object, handing each key to `field`, which reads its value.
    public mutating func object(
        _ field: (inout JSONReader, String) throws(JSONError) -> Void
    ) throws(JSONError) {
        try open(UInt8(ascii: "{"), "must be an object")
        if try closes(UInt8(ascii: "}")) { return }
        repeat {
            skipSpace()
            guard peek == UInt8(ascii: "\"") else { throw malformed("a field's name in quotes") }
            let key = try string()
            skipSpace()
            try expect(UInt8(ascii: ":"))
            do throws(JSONError) {
                try field(&self, key)
            } catch {
                throw error.under(key)
            }
        } while try more(UInt8(ascii: "}"))
    }

    /// Reads an array, calling `element` to read each of its values.
    public mutating func array(_ element: (inout JSONReader) throws(JSONError) -> Void) throws(JSONError) {
        try open(UInt8(ascii: "["), "must be an array")
        if try closes(UInt8(ascii: "]")) { return }
        var position = 0
        repeat {
            do throws(JSONError) {
                try element(&self)
            } catch {
                throw error.under("[\(position)]")
            }
            position += 1
        } while try more(UInt8(ascii: "]"))
    }

    public mutating func string() throws(JSONError) -> String {
        skipSpace()
        guard peek == UInt8(ascii: "\"") else { throw wrongType("must be a string") }
        index += 1
        let start = index
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\"") {
                let slice = UnsafeBufferPointer(rebasing: bytes[start..<index])
                index += 1
                guard let string = String(validating: slice, as: UTF8.self) else {
                    throw JSONError("is not valid UTF-8")
                }
                return string
            }
            if byte == UInt8(ascii: "\\") { return try escapedString(from: start) }
            guard byte >= 0x20 else { throw malformed("no control character in a string") }
            index += 1
        }
        throw malformed("the end of a string")
    }

    public mutating func integer() throws(JSONError) -> Int {
        guard let value = try number().asInteger else { throw JSONError("must be a whole number") }
        return value
    }

    public mutating func double() throws(JSONError) -> Double {
        guard let value = try number().asNumber else { throw JSONError("must be a number") }
        return value
    }

    public mutating func bool() throws(JSONError) -> Bool {
        skipSpace()
        if literal("true") { return true }
        if literal("false") { return false }
        throw wrongType("must be true or false")
    }

    /// Whether the next value is null; if so, it is read.
    public mutating func null() -> Bool {
        skipSpace()
        return literal("null")
    }

    /// Whether the next value is a string, an object or an array: for fields that may be one or another.
    public mutating func nextIsString() -> Bool { next(is: UInt8(ascii: "\"")) }
    public mutating func nextIsObject() -> Bool { next(is: UInt8(ascii: "{")) }
    public mutating func nextIsArray() -> Bool { next(is: UInt8(ascii: "[")) }

    public mutating func timestamp() throws(JSONError) -> Timestamp {
        let text = try string()
        guard let value = Timestamp(parsing: text) else {
            throw JSONError("must be a time in ISO 8601, such as 2026-01-31T12:00:00Z")
        }
        return value
    }

    public mutating func value() throws(JSONError) -> JSONValue {
        skipSpace()
        guard let byte = peek else { throw malformed("a value") }
        switch byte {
        case UInt8(ascii: "{"):
            var fields: [String: JSONValue] = [:]
            try object { (reader, key) throws(JSONError) in
                guard fields.updateValue(try reader.value(), forKey: key) == nil else {
                    throw JSONError("is there twice")
                }
            }
            return .object(fields)
        case UInt8(ascii: "["):
            var values: [JSONValue] = []
            try array { (reader) throws(JSONError) in values.append(try reader.value()) }
            return .array(values)
        case UInt8(ascii: "\""):
            return .string(try string())
        case UInt8(ascii: "t"), UInt8(ascii: "f"):
            return .bool(try bool())
        case UInt8(ascii: "n"):
            guard null() else { throw malformed("a value") }
            return .null
        default:
            return try number()
        }
    }

    /// Reads past one value and returns its bytes as they stand.
    public mutating func rawValue() throws(JSONError) -> [UInt8] {
        skipSpace()
        let start = index
        try skipValue()
        return Array(bytes[start..<index])
    }

    /// Reads past one value, checking that it is one.
    public mutating func skipValue() throws(JSONError) {
        skipSpace()
        switch peek {
        case UInt8(ascii: "{"): try object { (reader, _) throws(JSONError) in try reader.skipValue() }
        case UInt8(ascii: "["): try array { (reader) throws(JSONError) in try reader.skipValue() }
        case UInt8(ascii: "\""): _ = try string()
        default: _ = try value()
        }
    }

    /// Passes white space; whether anything is left after it. For several documents in one text.
    public mutating func hasMore() -> Bool {
        skipSpace()
        return index < bytes.count
    }

    // MARK: Lexing

    private var peek: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func next(is byte: UInt8) -> Bool {
        skipSpace()
        return peek == byte
    }

    private mutating func skipSpace() {
        while index < bytes.count {
            switch bytes[index] {
            case 0x20, 0x0A, 0x0D, 0x09: index += 1
            default: return
            }
        }
    }

    private mutating func expect(_ byte: UInt8) throws(JSONError) {
        guard peek == byte else { throw malformed("‘\(Character(Unicode.Scalar(byte)))’") }
        index += 1
    }

    private mutating func open(_ byte: UInt8, _ problem: String) throws(JSONError) {
        skipSpace()
        guard peek == byte else { throw wrongType(problem) }
        guard depth < Self.maximumDepth else {
            throw JSONError("is nested more than \(Self.maximumDepth) levels deep")
        }
        depth += 1
        index += 1
    }

    private mutating func closes(_ byte: UInt8) throws(JSONError) -> Bool {
        skipSpace()
        guard peek == byte else { return false }
        index += 1
        depth -= 1
        return true
    }

    private mutating func more(_ closing: UInt8) throws(JSONError) -> Bool {
        skipSpace()
        if peek == UInt8(ascii: ",") {
            index += 1
            return true
        }
        if try closes(closing) { return false }
        throw malformed("‘,’ or ‘\(Character(Unicode.Scalar(closing)))’")
    }

    private mutating func literal(_ word: StaticString) -> Bool {
        let length = word.utf8CodeUnitCount
        guard bytes.count - index >= length else { return false }
        for offset in 0..<length where bytes[index + offset] != word.utf8Start[offset] { return false }
        index += length
        return true
    }

    private mutating func number() throws(JSONError) -> JSONValue {
        skipSpace()
        let start = index
        if peek == UInt8(ascii: "-") { index += 1 }
        let digits = index
        while let byte = peek, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { index += 1 }
        guard index > digits else {
            index = start
            throw wrongType("must be a number")
        }
        guard bytes[digits] != UInt8(ascii: "0") || index == digits + 1 else {
            throw malformed("no zero in front of a number")
        }
        let wholeEnd = index
        while let byte = peek, Self.isPartOfNumber(byte) { index += 1 }
        if index > wholeEnd, let value = plainDecimal(from: start, digits: digits, point: wholeEnd) { return value }
        let text = String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<index]), as: UTF8.self)
        if index == wholeEnd, let value = Int(text) { return .integer(value) }
        guard text.last != ".", !text.contains(".e"), !text.contains(".E"), let value = Double(text), value.isFinite
        else { throw JSONError("is not a number that can be kept: \(text.prefix(40))") }
        // 1.0 and 1e3 are whole numbers too, however they are written.
        if let whole = Int(exactly: value) { return .integer(whole) }
        return .number(value)
    }

    private static func isPartOfNumber(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "+"), UInt8(ascii: "-"),
            UInt8(ascii: "e"), UInt8(ascii: "E"):
            true
        default: false
        }
    }

    /// A decimal without an exponent and of few digits, as counters and times are: a division of two numbers that a
    /// Double holds exactly rounds as it should, and takes a tenth of what the library's way does.
    private func plainDecimal(from start: Int, digits: Int, point: Int) -> JSONValue? {
        guard bytes[point] == UInt8(ascii: "."), index > point + 1, index - digits <= 16 else { return nil }
        var number = 0
        var scale = 1
        for place in digits..<index where place != point {
            guard bytes[place] >= UInt8(ascii: "0"), bytes[place] <= UInt8(ascii: "9") else { return nil }
            number = number * 10 + Int(bytes[place] - UInt8(ascii: "0"))
            if place > point { scale *= 10 }
        }
        if number % scale == 0 { return .integer(digits > start ? -number / scale : number / scale) }
        return .number(Double(digits > start ? -number : number) / Double(scale))
    }

    private mutating func escapedString(from start: Int) throws(JSONError) -> String {
        var text = Array(bytes[start..<index])
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw JSONError("is not valid UTF-8")
                }
                return string
            case UInt8(ascii: "\\"):
                try text.append(contentsOf: escape())
            case 0..<0x20:
                throw malformed("no control character in a string")
            default:
                text.append(byte)
            }
        }
        throw malformed("the end of a string")
    }

    private mutating func escape() throws(JSONError) -> [UInt8] {
        guard let byte = peek else { throw malformed("the end of a string") }
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"):
            var unit = try hexadecimal()
            if (0xD800..<0xDC00).contains(unit), literal("\\u") {
                let low = try hexadecimal()
                guard (0xDC00..<0xE000).contains(low) else { throw malformed("the second half of a surrogate pair") }
                unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(unit) else { throw malformed("a Unicode character after \\u") }
            return Array(String(Character(scalar)).utf8)
        default:
            throw malformed("a known escape after a backslash")
        }
    }

    private mutating func hexadecimal() throws(JSONError) -> UInt32 {
        guard bytes.count - index >= 4 else { throw malformed("four hexadecimal digits") }
        var value: UInt32 = 0
        for byte in bytes[index..<index + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw malformed("four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
        }
        index += 4
        return value
    }

    private mutating func end() throws(JSONError) {
        if hasMore() { throw malformed("nothing more") }
    }

    private func wrongType(_ problem: String) -> JSONError {
        // What is no value at all is malformed, whatever type was hoped for.
        guard let byte = peek, "{[\"-0123456789tfn".utf8.contains(byte) else { return malformed("a value") }
        return JSONError(problem)
    }

    private func malformed(_ expected: String) -> JSONError {
        JSONError("is not valid JSON: expected \(expected) at byte \(index)")
    }
}
