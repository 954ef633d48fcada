internal import MillraceCore

/// A statement and its parameters, in PostgreSQL's binary format: encoded by the caller, so that the thread that sends
/// them has less to do.
struct Statement: Sendable {
    let sql: String
    private(set) var types: [UInt32] = []
    /// Where each parameter ends in `bytes`; nil for NULL.
    private(set) var ends: [Int?] = []
    private(set) var bytes: [UInt8] = []

    init<each Value: Parameter>(_ sql: String, _ values: repeat each Value) {
        self.sql = sql
        for value in repeat each values {
            types.append(type(of: value).oid)
            guard !value.isNull else {
                ends.append(nil)
                continue
            }
            value.write(to: &bytes)
            ends.append(bytes.count)
        }
    }
}

/// What PostgreSQL can take as a parameter.
protocol Parameter {
    /// The type's number in `pg_type`, which PostgreSQL never changes.
    static var oid: UInt32 { get }
    static var arrayOID: UInt32 { get }
    var isNull: Bool { get }
    func write(to bytes: inout [UInt8])
}

extension Parameter {
    var isNull: Bool { false }
}

extension [UInt8] {
    /// In network byte order, as all of the binary format is.
    mutating func append(number: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: number.bigEndian) { append(contentsOf: $0) }
    }
}

extension Int64: Parameter {
    static var oid: UInt32 { 20 }
    static var arrayOID: UInt32 { 1016 }
    func write(to bytes: inout [UInt8]) { bytes.append(number: self) }
}

extension Int: Parameter {
    static var oid: UInt32 { 20 }
    static var arrayOID: UInt32 { 1016 }
    func write(to bytes: inout [UInt8]) { bytes.append(number: Int64(self)) }
}

extension Int32: Parameter {
    static var oid: UInt32 { 23 }
    static var arrayOID: UInt32 { 1007 }
    func write(to bytes: inout [UInt8]) { bytes.append(number: self) }
}

extension Double: Parameter {
    static var oid: UInt32 { 701 }
    static var arrayOID: UInt32 { 1022 }
    func write(to bytes: inout [UInt8]) { bytes.append(number: bitPattern) }
}

extension Bool: Parameter {
    static var oid: UInt32 { 16 }
    static var arrayOID: UInt32 { 1000 }
    func write(to bytes: inout [UInt8]) { bytes.append(self ? 1 : 0) }
}

extension String: Parameter {
    static var oid: UInt32 { 25 }
    static var arrayOID: UInt32 { 1009 }

    func write(to bytes: inout [UInt8]) {
        let start = bytes.count
        bytes.append(contentsOf: utf8)
        // PostgreSQL's text can have any character but this one, and would refuse all that is saved with it.
        for index in start..<bytes.count where bytes[index] == 0 { bytes[index] = UInt8(ascii: " ") }
    }
}

extension Timestamp: Parameter {
    static var oid: UInt32 { 1184 }
    static var arrayOID: UInt32 { 1185 }

    /// PostgreSQL counts from 2000 on.
    static let postgresEpoch: Int64 = 946_684_800_000_000
    /// What `timestamptz` can hold: from 4713 BC to the end of 294276. What is beyond is kept as its ends.
    private static let range: ClosedRange<Int64> = -211_813_488_000_000_000...9_223_371_331_199_999_999

    var sincePostgresEpoch: Int64 {
        let (difference, hasOverflown) = microseconds.subtractingReportingOverflow(Self.postgresEpoch)
        return hasOverflown ? Self.range.lowerBound : min(max(difference, Self.range.lowerBound), Self.range.upperBound)
    }

    func write(to bytes: inout [UInt8]) { bytes.append(number: sincePostgresEpoch) }
}

extension Optional: Parameter where Wrapped: Parameter {
    static var oid: UInt32 { Wrapped.oid }
    static var arrayOID: UInt32 { Wrapped.arrayOID }
    var isNull: Bool { self == nil }
    func write(to bytes: inout [UInt8]) { self?.write(to: &bytes) }
}

extension Array: Parameter where Element: Parameter {
    static var oid: UInt32 { Element.arrayOID }
    /// There are no arrays of arrays.
    static var arrayOID: UInt32 { 0 }

    func write(to bytes: inout [UInt8]) {
        bytes.append(number: Int32(isEmpty ? 0 : 1))
        bytes.append(number: Int32(contains(where: \.isNull) ? 1 : 0))
        bytes.append(number: Element.oid)
        guard !isEmpty else { return }
        bytes.append(number: Int32(count))
        bytes.append(number: Int32(1))
        for element in self {
            guard !element.isNull else {
                bytes.append(number: Int32(-1))
                continue
            }
            let start = bytes.count
            bytes.append(number: Int32(0))
            element.write(to: &bytes)
            let length = Int32(clamping: bytes.count - start - 4).bigEndian
            Swift.withUnsafeBytes(of: length) { length in
                for (offset, byte) in length.enumerated() { bytes[start + offset] = byte }
            }
        }
    }
}
