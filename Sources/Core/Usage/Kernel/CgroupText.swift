/// The texts of control groups, of both versions of the kernel's interface. Nil for a text that is none, or cut off.
public enum CgroupText {
    /// A file that holds one number: `memory.current`, `memory.peak`, `cpuacct.usage`, `memory.usage_in_bytes`…
    public static func number(_ text: UnsafeBufferPointer<UInt8>) -> Int? {
        var text = KernelText(text)
        return text.onlyNumber()
    }

    /// `cpu.stat` (v2): CPU time in microseconds.
    public static func cpuMicroseconds(_ text: UnsafeBufferPointer<UInt8>) -> Int? {
        var text = KernelText(text)
        return text.number(ofLine: "usage_usec ")
    }

    /// `memory.stat` (v2): bytes of files that have not been used for a while, which the kernel can take back at once.
    public static func inactiveFile(_ text: UnsafeBufferPointer<UInt8>) -> Int? {
        var text = KernelText(text)
        return text.number(ofLine: "inactive_file ")
    }

    /// `memory.stat` (v1): the same, with the groups below.
    public static func totalInactiveFile(_ text: UnsafeBufferPointer<UInt8>) -> Int? {
        var text = KernelText(text)
        return text.number(ofLine: "total_inactive_file ")
    }

    /// Bytes in use without those that can be taken back at once. The two are read one after the other, so that the
    /// second may be larger.
    public static func workingSet(current: Int, inactiveFile: Int) -> Int { max(0, current - inactiveFile) }

    /// `io.stat` (v2): bytes read and written, over all devices; an empty text is a group that never did either.
    ///
    ///     8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=0 dios=0
    public static func ioStat(_ text: UnsafeBufferPointer<UInt8>) -> (read: Int, written: Int)? {
        var text = KernelText(text)
        var read = 0
        var written = 0
        while !text.isAtEnd {
            if text.skip("rbytes=") {
                guard let value = text.number(), let sum = counterSum(read, value) else { return nil }
                read = sum
            } else if text.skip("wbytes=") {
                guard let value = text.number(), let sum = counterSum(written, value) else { return nil }
                written = sum
            } else {
                text.skipWord()
            }
            // A word ends with a space or its line: a text that ends within one was cut off.
            guard text.next() != nil else { return nil }
        }
        return (read, written)
    }

    /// `blkio.throttle.io_service_bytes` and its `_recursive` sister (v1): bytes read and written, over all devices.
    /// The other lines of a device, and the totals, say the same in other words.
    ///
    ///     8:0 Read 4096
    ///     8:0 Write 8192
    ///     8:0 Sync 12288
    ///     8:0 Total 12288
    ///     Total 12288
    public static func blkio(_ text: UnsafeBufferPointer<UInt8>) -> (read: Int, written: Int)? {
        var text = KernelText(text)
        var read = 0
        var written = 0
        while !text.isAtEnd {
            text.skipWord()
            if text.skip(" Read ") {
                guard let value = text.number(), let sum = counterSum(read, value) else { return nil }
                read = sum
            } else if text.skip(" Write ") {
                guard let value = text.number(), let sum = counterSum(written, value) else { return nil }
                written = sum
            }
            while let byte = text.peek, byte != UInt8(ascii: "\n") { _ = text.next() }
            guard text.next() != nil else { return nil }
        }
        return (read, written)
    }
}
