import MillraceCore

/// An object's fields, as they should be: what is missing or of another kind is an error that names the field.
struct JSONFields {
    private let fields: [String: JSONValue]

    init(_ value: JSONValue) throws(JSONError) {
        guard case .object(let fields) = value else { throw JSONError("must be an object") }
        self.fields = fields
    }

    /// A field that is null counts as one that is missing.
    private func value(_ key: String) -> JSONValue? {
        // Written out: where a JSON value is expected, a plain `nil` is JSON's null.
        guard let value = fields[key], value != .null else { return Optional.none }
        return value
    }

    private func read<Value>(
        _ key: String, _ what: String, _ read: (JSONValue) -> Value?
    ) throws(JSONError) -> Value? {
        guard let found = value(key) else { return nil }
        guard let value = read(found) else { throw JSONError(path: key, "must be \(what)") }
        return value
    }

    private func missing<Value>(_ key: String, _ value: Value?) throws(JSONError) -> Value {
        guard let value else { throw JSONError(path: key, "is missing") }
        return value
    }

    func textIfPresent(_ key: String) throws(JSONError) -> String? { try read(key, "a string", \.asString) }
    func text(_ key: String) throws(JSONError) -> String { try missing(key, textIfPresent(key)) }
    func wholeIfPresent(_ key: String) throws(JSONError) -> Int? { try read(key, "a whole number", \.asInteger) }
    func whole(_ key: String) throws(JSONError) -> Int { try missing(key, wholeIfPresent(key)) }
    func numberIfPresent(_ key: String) throws(JSONError) -> Double? { try read(key, "a number", \.asNumber) }
    func number(_ key: String) throws(JSONError) -> Double { try missing(key, numberIfPresent(key)) }

    func timeIfPresent(_ key: String) throws(JSONError) -> Timestamp? {
        try read(key, "a time") { $0.asString.flatMap(Timestamp.init(parsing:)) }
    }
    func time(_ key: String) throws(JSONError) -> Timestamp { try missing(key, timeIfPresent(key)) }

    func choice<Choice: RawRepresentable<String> & CaseIterable>(_ key: String) throws(JSONError) -> Choice {
        let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        return try missing(key, read(key, "one of \(names)") { $0.asString.flatMap(Choice.init(rawValue:)) })
    }

    func objectIfPresent(_ key: String) throws(JSONError) -> JSONFields? {
        try value(key).map { (value) throws(JSONError) in try JSONFields(value) }
    }
    func object(_ key: String) throws(JSONError) -> JSONFields { try missing(key, objectIfPresent(key)) }

    func objects(_ key: String) throws(JSONError) -> [JSONFields] {
        var found: [JSONFields] = []
        for value in try missing(key, read(key, "an array", \.asArray)) { found.append(try JSONFields(value)) }
        return found
    }
}
