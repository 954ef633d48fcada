internal import CPostgres
internal import MillraceCore
internal import MillracePorts

/// What a statement returned, in the binary format. It is read on the thread that got it.
final class Rows {
    private let result: OpaquePointer

    /// Takes the result over.
    init(_ result: OpaquePointer) { self.result = result }

    deinit { PQclear(result) }

    var count: Int { Int(PQntuples(result)) }
    var first: Row? { count > 0 ? Row(rows: self, index: 0) : nil }

    func map<Value>(_ transform: (Row) throws -> Value) rethrows -> [Value] {
        try (0..<Int32(count)).map { try transform(Row(rows: self, index: $0)) }
    }

    func forEach(_ body: (Row) throws -> Void) rethrows {
        for index in 0..<Int32(count) { try body(Row(rows: self, index: index)) }
    }

    /// - Returns: nil for NULL.
    fileprivate func bytes(_ row: Int32, _ column: Int32) -> UnsafeRawBufferPointer? {
        guard PQgetisnull(result, row, column) == 0, let value = PQgetvalue(result, row, column) else { return nil }
        return UnsafeRawBufferPointer(start: value, count: Int(PQgetlength(result, row, column)))
    }

    fileprivate func name(_ column: Int32) -> String {
        PQfname(result, column).map { String(cString: $0) } ?? "column \(column)"
    }
}

struct Row {
    fileprivate let rows: Rows
    fileprivate let index: Int32

    /// - Throws: `corrupt` where the column has no such value: another version's table, or a damaged one.
    func optional<Value: ColumnValue>(_ column: Int, as type: Value.Type = Value.self) throws(StoreError) -> Value? {
        guard let bytes = rows.bytes(index, Int32(column)) else { return nil }
        guard let value = Value(bytes) else {
            throw .unreadable("a row", "\(rows.name(Int32(column))) is not of the type that it should be")
        }
        return value
    }

    func value<Value: ColumnValue>(_ column: Int, as type: Value.Type = Value.self) throws(StoreError) -> Value {
        guard let value: Value = try optional(column) else {
            throw .unreadable("a row", "\(rows.name(Int32(column))) is NULL")
        }
        return value
    }
}

/// What a column can be read as.
protocol ColumnValue {
    /// - Parameter bytes: in the binary format.
    init?(_ bytes: UnsafeRawBufferPointer)
}

extension FixedWidthInteger {
    fileprivate init?(bigEndian bytes: UnsafeRawBufferPointer) {
        guard bytes.count == MemoryLayout<Self>.size else { return nil }
        self = Self(bigEndian: bytes.loadUnaligned(as: Self.self))
    }
}

extension Int64: ColumnValue {
    /// A smaller integer serves too.
    init?(_ bytes: UnsafeRawBufferPointer) {
        switch bytes.count {
        case 8: self.init(bigEndian: bytes)
        case 4:
            guard let value = Int32(bigEndian: bytes) else { return nil }
            self.init(value)
        default: return nil
        }
    }
}

extension Int: ColumnValue {
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard let value = Int64(bytes) else { return nil }
        self.init(value)
    }
}

extension Double: ColumnValue {
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard let pattern = UInt64(bigEndian: bytes) else { return nil }
        self.init(bitPattern: pattern)
    }
}

extension Bool: ColumnValue {
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count == 1 else { return nil }
        self = bytes[0] != 0
    }
}

extension String: ColumnValue {
    init?(_ bytes: UnsafeRawBufferPointer) { self.init(decoding: bytes, as: UTF8.self) }
}

extension Timestamp: ColumnValue {
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard let count = Int64(bigEndian: bytes) else { return nil }
        let (microseconds, hasOverflown) = count.addingReportingOverflow(Self.postgresEpoch)
        // ‘infinity’, which only others write.
        self.init(microseconds: hasOverflown ? count : microseconds)
    }
}

extension StoreError {
    /// A row that this version did not write.
    static func unreadable(_ what: String, _ problem: String) -> StoreError {
        StoreError(.corrupt, "reading \(what)", cause: problem)
    }
}
