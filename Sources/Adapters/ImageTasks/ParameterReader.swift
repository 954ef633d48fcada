import MillraceCore

/// Takes a task's parameters one by one, each with its range.
struct ParameterReader {
    private let task: String
    private let parameters: [String: JSONValue]

    /// - Throws: for the first, in the alphabet, of parameters that the task does not have.
    init(_ parameters: [String: JSONValue], of task: String, known: [String]) throws(InvalidValue) {
        if let unknown = parameters.keys.filter({ !known.contains($0) }).min() {
            let others = known.isEmpty ? "it has none" : "those are \(known.joined(separator: ", "))"
            throw InvalidValue(field: unknown, "is not a parameter of \(task); \(others)")
        }
        self.task = task
        self.parameters = parameters
    }

    func has(_ name: String) -> Bool { parameters[name] != nil }

    func integer(_ name: String, in range: ClosedRange<Int>) throws(InvalidValue) -> Int? {
        guard let value = parameters[name] else { return nil }
        guard let integer = value.asInteger, range.contains(integer) else {
            throw wrong(name, "a whole number from \(range.lowerBound) to \(range.upperBound)", value)
        }
        return integer
    }

    func number(_ name: String, in range: ClosedRange<Double>) throws(InvalidValue) -> Double? {
        guard let value = parameters[name] else { return nil }
        guard let number = value.asNumber, range.contains(number) else {
            throw wrong(name, "a number from \(short(range.lowerBound)) to \(short(range.upperBound))", value)
        }
        return number
    }

    func bool(_ name: String) throws(InvalidValue) -> Bool? {
        guard let value = parameters[name] else { return nil }
        guard let bool = value.asBool else { throw wrong(name, "true or false", value) }
        return bool
    }

    func choice<Choice: CaseIterable & RawRepresentable<String>>(
        _ name: String, of type: Choice.Type
    ) throws(InvalidValue) -> Choice? {
        guard let value = parameters[name] else { return nil }
        guard let choice = value.asString.flatMap(Choice.init(rawValue:)) else {
            throw wrong(name, "one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))", value)
        }
        return choice
    }

    func colour(_ name: String) throws(InvalidValue) -> Colour? {
        guard let value = parameters[name] else { return nil }
        guard let colour = value.asString.flatMap(Colour.init(hexadecimal:)) else {
            throw wrong(name, "a colour as in ‘#ff8000’", value)
        }
        return colour
    }

    func missing(_ name: String) -> InvalidValue { InvalidValue(field: name, "is missing, and \(task) needs it") }

    private func wrong(_ name: String, _ expected: String, _ value: JSONValue) -> InvalidValue {
        InvalidValue(field: name, "must be \(expected), not \(Self.excerpt(of: value))")
    }

    /// The value as the user wrote it, so short that a reason stays a line.
    private static func excerpt(of value: JSONValue) -> String {
        let text = String(decoding: value.encoded, as: UTF8.self)
        return text.count <= 40 ? text : "\(text.prefix(39))…"
    }

    private func short(_ number: Double) -> String { Int(exactly: number).map(String.init) ?? String(number) }
}

/// Red, green and blue, 0–255 each.
struct Colour: Hashable, Sendable {
    var red: UInt8
    var green: UInt8
    var blue: UInt8

    static let black = Colour(red: 0, green: 0, blue: 0)
    static let white = Colour(red: 255, green: 255, blue: 255)
}

extension Colour {
    /// `#rrggbb`.
    init?(hexadecimal text: String) {
        let digits = text.utf8.dropFirst()
        guard text.utf8.first == UInt8(ascii: "#"), digits.count == 6, digits.allSatisfy({ $0 != UInt8(ascii: "+") }),
            let value = UInt32(text.dropFirst(), radix: 16)
        else { return nil }
        self.init(
            red: UInt8(truncatingIfNeeded: value >> 16), green: UInt8(truncatingIfNeeded: value >> 8),
            blue: UInt8(truncatingIfNeeded: value))
    }

    /// The values for an image's bands.
    func bands(of image: VipsJob.Info, opacity: Double) -> [Double] {
        let (red, green, blue) = (Double(self.red), Double(self.green), Double(self.blue))
        // Rec. 709's weights: grey pictures hold light, not one of the colours.
        var bands = image.isGrey ? [0.2126 * red + 0.7152 * green + 0.0722 * blue] : [red, green, blue]
        if image.hasAlpha { bands.append(255 * opacity) }
        // 16 bits count to 65535, which is 257 times 255.
        return image.bits == 16 ? bands.map { $0 * 257 } : bands
    }
}
