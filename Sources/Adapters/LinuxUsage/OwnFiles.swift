import Glibc
import Platform

/// This process's files in `/proc`, kept open: opening one anew would cost a quick step more than its work.
final class OwnFiles: Sendable {
    static let shared = OwnFiles()

    /// Descriptors, or -1 where a file cannot be opened.
    private let io = OwnFiles.open("io", O_RDONLY)
    private let status = OwnFiles.open("status", O_RDONLY)
    private let statm = OwnFiles.open("statm", O_RDONLY)
    private let clearRefs = OwnFiles.open("clear_refs", O_WRONLY)

    private static func open(_ name: String, _ flags: CInt) -> CInt {
        (try? Files.open("/proc/self/\(name)", flags)) ?? -1
    }

    /// Sets the high-water mark of resident memory back to what is resident now. Where the kernel cannot, the mark stays
    /// that of the process's life.
    func resetPeak() {
        if clearRefs >= 0 { _ = pwrite(clearRefs, "5", 1, 0) }
    }

    /// The high-water mark, in bytes.
    func peakRAM() -> Int? {
        withText(of: status) { Self.value(of: "\nVmHWM:", in: $0) }.map { $0 << 10 }
    }

    /// What is resident now, in bytes.
    func residentRAM() -> Int? {
        withText(of: statm) { text in
            // The second of its numbers, in pages.
            let digits = text.drop { $0 != UInt8(ascii: " ") }.dropFirst().prefix { $0 != UInt8(ascii: " ") }
            guard !digits.isEmpty else { return nil }
            return digits.reduce(0) { $0 &* 10 &+ Int($1) &- Int(UInt8(ascii: "0")) } &* Self.pageSize
        }
    }

    private static let pageSize = max(1, sysconf(CInt(_SC_PAGESIZE)))

    /// `read_bytes` and `write_bytes`: what reached the disk layer, in bytes.
    func disk() -> (read: Int, written: Int)? {
        withText(of: io) { text in
            guard let read = Self.value(of: "\nread_bytes:", in: text),
                let written = Self.value(of: "\nwrite_bytes:", in: text)
            else { return nil }
            return (read, written)
        }
    }

    private func withText<Value>(of file: CInt, _ body: (UnsafeBufferPointer<UInt8>) -> Value?) -> Value? {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 2048) { buffer in
            let count = pread(file, buffer.baseAddress, buffer.count, 0)
            guard count > 0 else { return nil }
            return body(UnsafeBufferPointer(rebasing: buffer[..<count]))
        }
    }

    private static func value(of label: StaticString, in text: UnsafeBufferPointer<UInt8>) -> Int? {
        let label = UnsafeBufferPointer(start: label.utf8Start, count: label.utf8CodeUnitCount)
        guard text.count > label.count else { return nil }
        guard
            let start = (0..<text.count - label.count).first(where: { start in
                label.indices.allSatisfy { text[start + $0] == label[$0] }
            })
        else { return nil }
        let digits = text[(start + label.count)...].drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            .prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard !digits.isEmpty else { return nil }
        return digits.reduce(0) { $0 &* 10 &+ Int($1 - UInt8(ascii: "0")) }
    }
}
