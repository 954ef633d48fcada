import MillraceCore
import Testing

@testable import MillracePorts

struct DeadLetterTests {
    private func letter(_ record: BusRecord) -> OutgoingRecord {
        let outbox = Outbox(Partitioner(counts: [Topic.deadLetter: 1]))
        return outbox.deadLetter(record, MessageError("no kind of ours"), at: Timestamp(microseconds: 0))[0]
    }

    private func record(key: String?, value: [UInt8]?, headers: [Header] = []) -> BusRecord {
        BusRecord(
            topic: "copy", partition: 3, offset: 7, key: key, value: value, headers: headers,
            publishedAt: Timestamp(microseconds: 0))
    }

    @Test func `a record is put away as it came, with its reason and where it was`() {
        let letter = letter(record(key: nil, value: nil, headers: [Header("what", "nothing")]))
        #expect(letter.key == nil)
        #expect(letter.value == nil)
        let headers = Dictionary(letter.headers.map { ($0.name, $0.value) }) { _, last in last }
        #expect(
            headers == [
                "what": "nothing", "reason": "no kind of ours", "topic": "copy", "partition": "3", "offset": "7",
            ])
    }

    @Test func `of one that is too large to be published again, a part is put away, and its size`() {
        let large = record(
            key: String(repeating: "ü", count: 5000), value: Array(repeating: 97, count: 9_000_000),
            headers: [Header("long", String(repeating: "x", count: 70_000))])
        let letter = letter(large)
        let headers = letter.headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
        #expect((letter.key?.utf8.count ?? 0) + (letter.value?.count ?? 0) + headers < 900_000)
        #expect(letter.value?.allSatisfy { $0 == 97 } == true)
        #expect(letter.headers.first == Header("size", String(9_000_000 + 10_000 + 70_004)))
        #expect(letter.headers.contains(Header("offset", "7")))
    }
}
