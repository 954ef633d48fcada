/// Why a value that a user gave cannot be taken, and where it stands.
public struct InvalidValue: Error, Hashable, Sendable, CustomStringConvertible {
    /// The field, as in `tasks[1].name`.
    public var field: String
    /// What is wrong with it, as the end of a sentence.
    public var problem: String

    public init(field: String, _ problem: String) {
        self.field = field
        self.problem = problem
    }

    public var description: String { field.isEmpty ? problem : "\(field): \(problem)" }
}

/// The id that a user gives an order: 1–128 of letters, digits, `.`, `_`, `-`; not `.` or `..`, as it names a folder.
public struct OrderID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let text: String

    public init(_ text: String) throws(InvalidValue) {
        let utf8 = text.utf8
        guard (1...128).contains(utf8.count) else {
            throw InvalidValue(field: "id", "must have 1 to 128 characters, not \(utf8.count)")
        }
        guard utf8.allSatisfy({ $0.isASCIILetter || $0.isASCIIDigit || $0 == 0x2E || $0 == 0x5F || $0 == 0x2D }) else {
            throw InvalidValue(field: "id", "must be letters, digits, ‘.’, ‘_’ and ‘-’ only")
        }
        guard text != ".", text != ".." else { throw InvalidValue(field: "id", "must not be ‘\(text)’") }
        self.text = text
    }

    public static func < (a: OrderID, b: OrderID) -> Bool { a.text < b.text }
    public var description: String { text }
}

/// The name of a task, which is also its topic's and its Deployment's: 1–40 of a–z, 0–9, `-`, a letter first.
public struct TaskName: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let text: String

    /// Names of Millrace's own topics.
    public static let reserved: Set<String> = ["orchestrator", "system", "resource", "dead-letter"]

    public init(_ text: String) throws(InvalidValue) {
        let utf8 = text.utf8
        guard (1...40).contains(utf8.count) else {
            throw InvalidValue(field: "name", "must have 1 to 40 characters, not \(utf8.count)")
        }
        guard let first = utf8.first, first.isASCIILowercase,
            utf8.allSatisfy({ $0.isASCIILowercase || $0.isASCIIDigit || $0 == 0x2D })
        else {
            throw InvalidValue(field: "name", "must be a–z, 0–9 and ‘-’ only, a letter first: ‘\(text)’")
        }
        guard !Self.reserved.contains(text) else {
            throw InvalidValue(field: "name", "must not be ‘\(text)’, a topic of Millrace's own")
        }
        self.text = text
    }

    public static func < (a: TaskName, b: TaskName) -> Bool { a.text < b.text }
    public var description: String { text }
}

/// One run of a step: random, so that no two runs share one.
public struct RunID: Hashable, Sendable, CustomStringConvertible {
    public let text: String

    public init(_ text: String) throws(InvalidValue) {
        guard (1...64).contains(text.utf8.count), text.utf8.allSatisfy({ $0.isASCIILetter || $0.isASCIIDigit }) else {
            throw InvalidValue(field: "run", "must be 1 to 64 letters and digits")
        }
        self.text = text
    }

    public init(using generator: inout some RandomNumberGenerator) {
        let digits = String(UInt64.random(in: .min ... .max, using: &generator), radix: 16)
        text = String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }

    public var description: String { text }
}

/// One step of one order: what "happens once" is said of. A task may occur twice in an order; a step does not.
public struct StepKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var order: OrderID
    /// The step's place in the order, from 0.
    public var index: Int

    public init(order: OrderID, index: Int) {
        self.order = order
        self.index = index
    }

    public static func < (a: StepKey, b: StepKey) -> Bool { (a.order, a.index) < (b.order, b.index) }
    public var description: String { "\(order)/\(index)" }
}

extension UInt8 {
    var isASCIILowercase: Bool { self >= UInt8(ascii: "a") && self <= UInt8(ascii: "z") }
    var isASCIILetter: Bool { isASCIILowercase || (self >= UInt8(ascii: "A") && self <= UInt8(ascii: "Z")) }
    var isASCIIDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }
}
