/// What `/proc/PID/stat` tells of a process.
public struct ProcessStat: Hashable, Sendable {
    /// A letter: `R`, `S`, `D`, `Z`…
    public var state: UInt8
    public var parent: Int
    /// User and system time of its threads, those that have ended included, in clock ticks: each rounded down.
    public var ownTicks: Int
    /// The same of the children that it has reaped, and of those that these had.
    public var reapedTicks: Int
    public var threads: Int
    /// Since boot, in clock ticks.
    public var startTicks: Int
    public var residentPages: Int

    /// Its first thread has ended, and no other is left: all that it waits for is to be reaped.
    public var isZombie: Bool { hasNoLeader && threads <= 1 }
    /// Its first thread has ended; others may go on. The kernel then tells no memory of it.
    public var hasNoLeader: Bool { state == UInt8(ascii: "Z") || state == UInt8(ascii: "X") }

    /// Nil for a text that is none, or that was cut off.
    public init?(_ text: UnsafeBufferPointer<UInt8>) {
        var text = KernelText(text)
        // The name in parentheses may contain anything: the fields are counted from behind it.
        guard text.skipPastLast(UInt8(ascii: ")")), text.next() == UInt8(ascii: " "), let state = text.next(),
            text.next() == UInt8(ascii: " ")
        else { return nil }
        self.state = state
        // Fields 4 to 24, as proc(5) numbers them; some may be negative, and are not for us.
        func field() -> Int? {
            guard let value = text.number(), text.next() == UInt8(ascii: " ") else { return nil }
            return value
        }
        func pass(_ count: Int) -> Bool {
            for _ in 0..<count {
                text.skipWord()
                guard text.next() == UInt8(ascii: " ") else { return false }
            }
            return true
        }
        guard let parent = field(), pass(9), let user = field(), let system = field(), let reapedUser = field(),
            let reapedSystem = field(), pass(2), let threads = field(), pass(1), let start = field(), pass(1),
            let pages = field(), let own = counterSum(user, system), let reaped = counterSum(reapedUser, reapedSystem)
        else { return nil }
        self.parent = parent
        ownTicks = own
        reapedTicks = reaped
        self.threads = threads
        startTicks = start
        residentPages = pages
    }
}

/// What `/proc/PID/io` tells: bytes that a process has fetched from, and sent to, the disk layer; those of the children
/// that it has reaped are in it.
public struct ProcessIO: Hashable, Sendable {
    public var read: Int
    public var written: Int

    public init(read: Int, written: Int) {
        self.read = read
        self.written = written
    }

    /// Nil for a text that is none, or that was cut off.
    public init?(_ text: UnsafeBufferPointer<UInt8>) {
        var text = KernelText(text)
        guard let read = text.number(ofLine: "read_bytes:"), let written = text.number(ofLine: "write_bytes:") else {
            return nil
        }
        self.init(read: read, written: written)
    }
}

extension KernelText {
    /// The number on the next line that begins with a label; the line is passed.
    mutating func number(ofLine label: StaticString) -> Int? {
        while !isAtEnd {
            if skip(label) {
                skipSpaces()
                guard let value = number() else { return nil }
                skipLine()
                return value
            }
            skipLine()
        }
        return nil
    }
}

/// What `/proc/PID/status` has as `VmHWM`: the high-water mark of resident memory, in bytes.
public func residentPeak(inStatus text: UnsafeBufferPointer<UInt8>) -> Int? {
    var text = KernelText(text)
    return text.number(ofLine: "VmHWM:").flatMap { counterProduct($0, 1024) }
}

/// The second number of `/proc/PID/statm`: what is resident, in pages.
public func residentPages(inStatm text: UnsafeBufferPointer<UInt8>) -> Int? {
    var text = KernelText(text)
    text.skipWord()
    text.skipSpaces()
    return text.number()
}

/// The last field of `/proc/loadavg`: the id that was given to a process or a thread last.
public func lastPidOfLoadAverage(_ text: UnsafeBufferPointer<UInt8>) -> Int? {
    var text = KernelText(text)
    return text.skipPastLast(UInt8(ascii: " ")) ? text.onlyNumber() : nil
}
