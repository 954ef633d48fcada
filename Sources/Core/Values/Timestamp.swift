/// A moment, in microseconds since 1970-01-01 UTC (leap seconds not counted), as stores and messages keep it.
public struct Timestamp: Hashable, Comparable, Sendable {
    public var microseconds: Int64

    public init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    public static func < (a: Timestamp, b: Timestamp) -> Bool { a.microseconds < b.microseconds }

    public static func + (a: Timestamp, b: Duration) -> Timestamp {
        Timestamp(microseconds: a.microseconds + b.microseconds)
    }

    /// The time from `b` to `a`; negative where `a` is the earlier one.
    public static func - (a: Timestamp, b: Timestamp) -> Duration {
        .microseconds(a.microseconds - b.microseconds)
    }
}

extension Duration {
    /// Whole microseconds, cut off.
    public var microseconds: Int64 {
        components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
    }

    /// Whole nanoseconds, cut off; of more than 290 years, those.
    var nanoseconds: Int64 {
        let (seconds, overflow) = components.seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : seconds &+ components.attoseconds / 1_000_000_000
    }

    /// Rounded once, so that 0.1 s is 0.1.
    public var inSeconds: Double {
        let (seconds, attoseconds) = components
        guard seconds.magnitude < 1_000_000, attoseconds % 1_000_000_000 == 0 else {
            return Double(seconds) + Double(attoseconds) * 1e-18
        }
        return Double(seconds * 1_000_000_000 + attoseconds / 1_000_000_000) / 1e9
    }

    /// What is beyond 30,000 years is cut off there: a number from outside must not trap.
    public static func seconds(fraction value: Double) -> Duration {
        guard !value.isNaN else { return .zero }
        return .microseconds(Int64((min(max(value, -1e12), 1e12) * 1_000_000).rounded()))
    }
}

// MARK: ISO 8601

extension Timestamp: CustomStringConvertible {
    /// As in `2026-01-31T12:00:00.123456Z`.
    public var description: String {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    func append(to bytes: inout [UInt8]) {
        let (days, ofDay) = microseconds.quotientAndRemainder(flooringBy: 86_400_000_000)
        let date = CivilDate(daysSince1970: Int(days))
        let seconds = UInt(ofDay / 1_000_000)
        bytes.append(decimal: UInt(max(0, date.year)), width: 4)
        bytes.append(UInt8(ascii: "-"))
        bytes.append(decimal: UInt(date.month), width: 2)
        bytes.append(UInt8(ascii: "-"))
        bytes.append(decimal: UInt(date.day), width: 2)
        bytes.append(UInt8(ascii: "T"))
        bytes.append(decimal: seconds / 3600, width: 2)
        bytes.append(UInt8(ascii: ":"))
        bytes.append(decimal: seconds / 60 % 60, width: 2)
        bytes.append(UInt8(ascii: ":"))
        bytes.append(decimal: seconds % 60, width: 2)
        bytes.append(UInt8(ascii: "."))
        bytes.append(decimal: UInt(ofDay % 1_000_000), width: 6)
        bytes.append(UInt8(ascii: "Z"))
    }

    /// Reads `2026-01-31T12:00:00Z`, with up to nine decimals, in UTC only; nil for anything else.
    public init?(parsing text: String) {
        var scanner = DigitScanner(bytes: Array(text.utf8))
        guard let year = scanner.number(4), scanner.literal("-"), let month = scanner.number(2), scanner.literal("-"),
            let day = scanner.number(2), scanner.literal("T"), let hour = scanner.number(2), scanner.literal(":"),
            let minute = scanner.number(2), scanner.literal(":"), let second = scanner.number(2),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 60
        else { return nil }
        var fraction = 0
        if scanner.literal(".") {
            guard let digits = scanner.fraction() else { return nil }
            fraction = digits
        }
        guard scanner.literal("Z"), scanner.isAtEnd else { return nil }
        let days = CivilDate(year: year, month: month, day: day).daysSince1970
        let seconds = Int64(days) * 86_400 + Int64(hour * 3600 + minute * 60 + second)
        self.init(microseconds: seconds * 1_000_000 + Int64(fraction))
    }
}

private struct DigitScanner {
    let bytes: [UInt8]
    var index = 0

    var isAtEnd: Bool { index == bytes.count }

    mutating func literal(_ character: Unicode.Scalar) -> Bool {
        guard index < bytes.count, bytes[index] == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    mutating func number(_ width: Int) -> Int? {
        guard bytes.count - index >= width else { return nil }
        var value = 0
        for _ in 0..<width {
            guard let digit = digit() else { return nil }
            value = value * 10 + digit
        }
        return value
    }

    /// One to nine decimals, in microseconds.
    mutating func fraction() -> Int? {
        var value = 0
        var count = 0
        while let digit = digit() {
            if count < 6 { value = value * 10 + digit }
            count += 1
        }
        guard (1...9).contains(count) else { return nil }
        for _ in count..<max(count, 6) { value *= 10 }
        return value
    }

    private mutating func digit() -> Int? {
        guard index < bytes.count, bytes[index] >= UInt8(ascii: "0"), bytes[index] <= UInt8(ascii: "9") else {
            return nil
        }
        defer { index += 1 }
        return Int(bytes[index] - UInt8(ascii: "0"))
    }
}

/// The proleptic Gregorian calendar, after Howard Hinnant's `days_from_civil` and `civil_from_days`.
struct CivilDate: Hashable {
    var year: Int
    var month: Int
    var day: Int

    init(year: Int, month: Int, day: Int) {
        self.year = year
        self.month = month
        self.day = day
    }

    init(daysSince1970 days: Int) {
        let (era, dayOfEra) = (days + 719_468).quotientAndRemainder(flooringBy: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shifted + 2) / 5 + 1
        month = shifted < 10 ? shifted + 3 : shifted - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    var daysSince1970: Int {
        let shiftedYear = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = shiftedYear.quotientAndRemainder(flooringBy: 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}

extension BinaryInteger {
    /// Division that rounds down, so that the remainder is never negative.
    func quotientAndRemainder(flooringBy divisor: Self) -> (quotient: Self, remainder: Self) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
