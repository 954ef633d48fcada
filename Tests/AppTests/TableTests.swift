import MillraceCore
import Testing

@testable import MillraceApp

struct TableTests {
    @Test func `columns are as wide as their widest cell, numbers to the right, no spaces at the end`() {
        var table = Table([("id", .left), ("steps", .right), ("reason", .left)])
        table.add(["order-1", "2/5", "none"])
        table.add(["o", "10/12", ""])
        #expect(
            table.lines == [
                "ID       STEPS  REASON",
                "order-1    2/5  none",
                "o        10/12",
            ])
    }

    @Test func `a row with fewer cells than columns is filled up`() {
        var table = Table([("a", .left), ("b", .right)])
        table.add(["x"])
        #expect(table.lines == ["A  B", "x"])
    }

    @Test func `a text from elsewhere stays on one line and cannot command the terminal`() {
        var table = Table([("reason", .left)])
        table.add(["first\nsecond\u{1B}[2J\u{7}"])
        #expect(table.lines == ["REASON", "first second [2J"])
    }

    @Test(arguments: [
        (Duration.zero, "0.000 s"), (.milliseconds(1234), "1.234 s"), (.microseconds(600), "0.001 s"),
        (.seconds(61), "61.000 s"), (.milliseconds(-1500), "-1.500 s"),
    ])
    func `durations are seconds to the millisecond`(duration: Duration, text: String) {
        #expect(Wording.seconds(duration) == text)
    }

    @Test(arguments: [
        (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (12_345_678, "11.8 MiB"),
        (3 << 30, "3.0 GiB"), (5 << 40, "5.0 TiB"),
    ])
    func `sizes have the unit that fits`(count: Int, text: String) {
        #expect(Wording.bytes(count) == text)
    }

    @Test func `what is not known is no number`() {
        #expect(Wording.seconds(nil) == Wording.unknown)
        #expect(Wording.bytes(nil) == Wording.unknown)
        #expect(Wording.time(nil) == Wording.unknown)
        #expect(Wording.number(nil) == Wording.unknown)
    }

    @Test func `times are UTC to the millisecond`() {
        #expect(Wording.time(Timestamp(microseconds: 1_700_000_000_123_456)) == "2023-11-14T22:13:20.123Z")
    }
}
