/// A place in a text of the kernel's, for parsers that allocate nothing: bad texts end in nil, never in a trap.
///
/// It is valid as long as the buffer is.
struct KernelText {
    /// No counter is larger than this: 36 years of CPU time in nanoseconds, an exbibyte. What is larger is no counter,
    /// and sums of fewer than eight cannot overflow.
    static let largest = 1 << 60

    private let bytes: UnsafeBufferPointer<UInt8>
    private(set) var position = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
    }

    var isAtEnd: Bool { position >= bytes.count }

    /// The next byte, which is not passed.
    var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func next() -> UInt8? {
        guard let byte = peek else { return nil }
        position += 1
        return byte
    }

    /// Passes the text if it is what comes next.
    mutating func skip(_ text: StaticString) -> Bool {
        guard bytes.count - position >= text.utf8CodeUnitCount else { return false }
        for index in 0..<text.utf8CodeUnitCount where bytes[position + index] != text.utf8Start[index] { return false }
        position += text.utf8CodeUnitCount
        return true
    }

    mutating func skipSpaces() {
        while let byte = peek, byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") { position += 1 }
    }

    /// Passes the rest of the line, and its end.
    mutating func skipLine() {
        while let byte = next(), byte != UInt8(ascii: "\n") {}
    }

    /// Passes what is there up to the next space or the line's end.
    mutating func skipWord() {
        while let byte = peek, byte != UInt8(ascii: " "), byte != UInt8(ascii: "\n") { position += 1 }
    }

    /// To behind the last of these bytes in the text.
    mutating func skipPastLast(_ byte: UInt8) -> Bool {
        guard let index = bytes.lastIndex(of: byte), index >= position else { return false }
        position = index + 1
        return true
    }

    /// A counter that ends where the text does not: what was cut off may have had more digits.
    mutating func number() -> Int? {
        guard let number = digits(), !isAtEnd else { return nil }
        return number
    }

    /// A whole text that is one counter.
    mutating func onlyNumber() -> Int? {
        guard let number = number(), peek == UInt8(ascii: "\n") else { return nil }
        return number
    }

    private mutating func digits() -> Int? {
        let start = position
        var value = 0
        while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
            value = value &* 10 &+ Int(byte &- UInt8(ascii: "0"))
            // Ten times the largest is below 2 to the 64th: what overflowed is negative.
            guard value >= 0, value <= Self.largest else { return nil }
            position += 1
        }
        return position > start ? value : nil
    }
}

/// The sum of two counters that are below ``KernelText/largest``; nil when it is not.
func counterSum(_ a: Int, _ b: Int) -> Int? {
    let (sum, overflow) = a.addingReportingOverflow(b)
    return overflow || sum > KernelText.largest ? nil : sum
}

/// A counter in smaller units; nil where it would be too large for one.
func counterProduct(_ a: Int, _ b: Int) -> Int? {
    let (product, overflow) = a.multipliedReportingOverflow(by: b)
    return overflow || product > KernelText.largest ? nil : product
}
