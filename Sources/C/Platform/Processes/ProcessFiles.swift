/// What `/proc/PID` tells of a process; nil where it tells nothing. Core has parsers for those who read often; this ring
/// is below it.
enum ProcessFiles {
    /// Bytes that went from and to disks so far, those of reaped descendants included. A zombie has it still.
    static func disk(of pid: Int32) -> (read: Int, written: Int)? {
        guard let text = try? Files.read("/proc/\(pid)/io"), let read = number(after: "read_bytes:", in: text),
            let written = number(after: "\nwrite_bytes:", in: text)
        else { return nil }
        return (read, written)
    }

    /// The largest resident size so far, in bytes, of its present program. A zombie has none.
    static func peakRAM(of process: String) -> Int? {
        guard let text = try? Files.read("/proc/\(process)/status") else { return nil }
        return number(after: "VmHWM:", in: text).map { $0 << 10 }
    }

    /// Its state, as `Z` for one that has ended and is not reaped yet; its parent; its start in clock ticks since boot.
    static func stat(of pid: Int) -> (state: Substring, parent: Int32, startTicks: Int)? {
        guard let bytes = try? Files.read("/proc/\(pid)/stat") else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        // The name in parentheses may contain anything: the fields are counted from behind it.
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 19, let parent = Int32(fields[1]), let ticks = Int(fields[19]) else { return nil }
        return (fields[0], parent, ticks)
    }

    private static func number(after label: StaticString, in text: [UInt8]) -> Int? {
        let label = label.withUTF8Buffer { Array($0) }
        guard text.count > label.count,
            let start = (0...(text.count - label.count)).first(where: { text[$0...].starts(with: label) })
        else { return nil }
        let digits = text[(start + label.count)...].drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            .prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        return Int(String(decoding: digits, as: UTF8.self))
    }
}
