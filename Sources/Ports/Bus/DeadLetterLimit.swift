/// How much of a record goes with its dead letter. Another's producer may send what is larger than ours takes: a letter
/// that could not be published would be tried for ever, and hold up all that comes behind it.
enum DeadLetterLimit {
    /// In bytes; together less than the 1,000,000 that a bus takes at least.
    static let value = 512 << 10
    static let headers = 64 << 10
    static let key = 4 << 10

    static func cut(_ record: BusRecord) -> BusRecord {
        let sizes = record.headers.map { $0.name.utf8.count + $0.value.utf8.count }
        let headerSize = sizes.reduce(0, +)
        let keySize = record.key?.utf8.count ?? 0
        let valueSize = record.value?.count ?? 0
        guard valueSize > value || headerSize > headers || keySize > key else { return record }
        var kept = record
        kept.value = record.value.map { Array($0.prefix(value)) }
        kept.key = record.key.map { String(decoding: $0.utf8.prefix(key), as: UTF8.self) }
        if headerSize > headers { kept.headers = [] }
        kept.headers.append(Header("size", String(valueSize + headerSize + keySize)))
        return kept
    }
}
