import MillraceCore
import MillracePorts

/// Several records of one partition in one blob, so that a commit costs one row a partition and not one a record.
///
/// Each record: key, value, the number of headers, and their names and values. A text or value is preceded by its
/// length + 1 (0: there is none); lengths are LEB128.
struct RecordBatch {
    private(set) var bytes: [UInt8] = []
    private(set) var count = 0

    mutating func append(_ record: OutgoingRecord) {
        append(text: record.key)
        append(blob: record.value)
        append(length: record.headers.count)
        for header in record.headers {
            append(text: header.name)
            append(text: header.value)
        }
        count += 1
    }

    private mutating func append(text: String?) {
        guard var text else { return append(length: 0) }
        text.withUTF8 { utf8 in
            append(length: utf8.count + 1)
            bytes.append(contentsOf: utf8)
        }
    }

    private mutating func append(blob: [UInt8]?) {
        guard let blob else { return append(length: 0) }
        append(length: blob.count + 1)
        bytes.append(contentsOf: blob)
    }

    private mutating func append(length: Int) {
        var rest = UInt(length)
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    /// Reads `count` records whose first has offset `base`.
    static func decode(
        _ bytes: UnsafeRawBufferPointer, count: Int, topic: String, partition: Int, base: Int64, publishedAt: Timestamp
    ) throws(BusError) -> [BusRecord] {
        var reader = Reader(bytes: bytes)
        var records: [BusRecord] = []
        records.reserveCapacity(count)
        for index in 0..<count {
            guard let key = reader.text(), let value = reader.blob(), let headerCount = reader.length(),
                let headers = reader.headers(headerCount)
            else {
                throw BusError(.corrupt, "reading offset \(base) of \(topic)/\(partition)", cause: "a cut-off batch")
            }
            records.append(
                BusRecord(
                    topic: topic, partition: partition, offset: base + Int64(index), key: key.value, value: value.value,
                    headers: headers, publishedAt: publishedAt))
        }
        return records
    }

    private struct Reader {
        let bytes: UnsafeRawBufferPointer
        var index = 0

        /// A value that may be absent, told apart from one that cannot be read.
        struct Maybe<Value> { var value: Value? }

        mutating func length() -> Int? {
            var value: UInt = 0
            var shift: UInt = 0
            while index < bytes.count, shift < 63 {
                let byte = bytes[index]
                index += 1
                value |= UInt(byte & 0x7F) << shift
                if byte < 0x80 { return Int(value) }
                shift += 7
            }
            return nil
        }

        private mutating func slice() -> Maybe<UnsafeRawBufferPointer>? {
            guard let length = length() else { return nil }
            guard length > 0 else { return Maybe(value: nil) }
            guard bytes.count - index >= length - 1 else { return nil }
            defer { index += length - 1 }
            return Maybe(value: UnsafeRawBufferPointer(rebasing: bytes[index..<index + length - 1]))
        }

        mutating func text() -> Maybe<String>? {
            slice().map { Maybe(value: $0.value.map { String(decoding: $0, as: UTF8.self) }) }
        }

        mutating func blob() -> Maybe<[UInt8]>? {
            slice().map { Maybe(value: $0.value.map { Array($0) }) }
        }

        mutating func headers(_ count: Int) -> [Header]? {
            guard count <= bytes.count else { return nil }
            var headers: [Header] = []
            headers.reserveCapacity(count)
            for _ in 0..<count {
                guard let name = text()?.value, let value = text()?.value else { return nil }
                headers.append(Header(name, value))
            }
            return headers
        }
    }
}
