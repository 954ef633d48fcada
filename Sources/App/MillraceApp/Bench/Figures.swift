import MillraceCore

/// Figures of a bench: printed as one document, or as lines for people.
struct Figures {
    private(set) var fields: [(name: String, value: JSONValue)] = []

    mutating func set(_ name: String, _ value: Double) { fields.append((name, .number(value))) }
    mutating func set(_ name: String, _ value: Int) { fields.append((name, .integer(value))) }

    /// p50 and p99 of values, or others.
    mutating func set(_ name: String, percentiles values: [Double], _ percents: [Int] = [50, 99]) {
        let sorted = values.sorted()
        let parts = percents.map { ("p\($0)", JSONValue.number(Distribution.quantile(Double($0) / 100, of: sorted))) }
        set(name, .object(Dictionary(uniqueKeysWithValues: parts)))
    }

    /// The median of several runs' values, and how far they lay apart.
    mutating func set(_ name: String, medianOf values: [Double]) {
        let sorted = values.sorted()
        set(name, Distribution.quantile(0.5, of: sorted))
        guard let least = sorted.first, let most = sorted.last, sorted.count > 1 else { return }
        set(name + "Spread", .object(["least": .number(least), "most": .number(most)]))
    }

    mutating func set(_ name: String, _ value: JSONValue) { fields.append((name, value)) }

    func show(asJSON: Bool) {
        if asJSON {
            var writer = JSONWriter()
            writer.beginObject()
            for field in fields { writer.field(field.name, orNull: field.value) }
            writer.endObject()
            return Output.line(writer.text)
        }
        for (name, value) in fields {
            switch value {
            case .object(let parts):
                let text = parts.sorted { $0.key < $1.key }.map { "\($0.key) \(Self.text($0.value))" }
                Output.line("\(name): \(text.joined(separator: ", "))")
            default: Output.line("\(name): \(Self.text(value))")
            }
        }
    }

    private static func text(_ value: JSONValue) -> String {
        guard case .number(let number) = value, number != number.rounded() else {
            return String(decoding: value.encoded, as: UTF8.self)
        }
        // Four significant digits: these figures are not exact to more.
        var scale = 1.0
        while abs(number) * scale < 1000, scale < 1e9 { scale *= 10 }
        return "\((number * scale).rounded() / scale)"
    }
}
