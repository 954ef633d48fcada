/// The topics of Millrace's own; each task's topic has the task's name.
public enum Topic {
    public static let orchestrator = "orchestrator"
    public static let system = "system"
    public static let resource = "resource"
    public static let deadLetter = "dead-letter"
}

/// A message that cannot be understood: of another version, another kind, or not what its kind should be.
public struct MessageError: Error, Hashable, Sendable, CustomStringConvertible {
    public var description: String
    /// The order it names, where that much could be read: that order fails with it.
    public var order: OrderID?

    public init(_ description: String, order: OrderID? = nil) {
        self.description = description
        self.order = order
    }
}

/// Messages of one topic: a kind, which is the record's key, and a JSON value with the version in `v`.
public protocol Message: Sendable {
    /// The record's key: `START`, `PROGRESS`, ….
    var kind: String { get }
    /// The order it belongs to, if one: its partition and its `order` header.
    var order: OrderID? { get }
    func writeFields(to writer: inout JSONWriter)
    init(kind: String, from reader: inout JSONReader) throws(JSONError)
}

/// The largest number of a SERVICE: there is always a next one.
let messageNumberLimit = 1_000_000_000_000_000

/// The version that this code writes, and the only one it reads.
let messageVersion = 1

extension Message {
    public var encoded: [UInt8] {
        var writer = JSONWriter(capacity: 512)
        writer.beginObject()
        writer.field("v", messageVersion)
        writeFields(to: &writer)
        writer.endObject()
        return writer.bytes
    }

    /// Reads a record. Fields that are not known are passed over, so that a later minor change can add some.
    public static func decode(key: String?, value: [UInt8]?) throws(MessageError) -> Self {
        guard let key else { throw MessageError("the record has no key, which should be the message's kind") }
        guard let value else { throw MessageError("the record of kind \(key.prefix(40)) has no value") }
        do throws(JSONError) {
            return try JSONReader.read(value) { (reader) throws(JSONError) in try Self(kind: key, from: &reader) }
        } catch {
            throw MessageError("\(key.prefix(40)): \(error)", order: Self.order(namedIn: value))
        }
    }

    /// The order that a message names that could not be read as a whole.
    private static func order(namedIn value: [UInt8]) -> OrderID? {
        guard case .object(let fields)? = try? JSONValue(parsing: value) else { return nil }
        switch fields["order"] {
        case .string(let id): return try? OrderID(id)
        case .object(let order): return order["id"]?.asString.flatMap { try? OrderID($0) }
        default: return nil
        }
    }
}

extension JSONReader {
    /// Reads a message's object; the version must be ours.
    mutating func message(
        _ field: (inout JSONReader, String) throws(JSONError) -> Void
    ) throws(JSONError) {
        var version: Int?
        try object { (reader, key) throws(JSONError) in
            guard key == "v" else {
                // A later version may mean something else by a field of ours: it must come first to be known.
                guard version != nil else { throw JSONError("is before the version ‘v’, which must come first") }
                return try field(&reader, key)
            }
            version = try reader.integer()
            guard version == messageVersion else {
                throw JSONError("is \(version ?? 0); this Millrace reads \(messageVersion)")
            }
        }
        guard version != nil else { throw JSONError(path: "v", "is missing") }
    }
}

extension JSONError {
    static let unknownKind = JSONError("is not a kind of message of this topic")
}
