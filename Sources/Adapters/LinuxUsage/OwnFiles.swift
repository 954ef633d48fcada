import Glibc
import MillraceCore
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
    func peakRAM() -> Int? { withText(of: status, residentPeak(inStatus:)) }

    /// What is resident now, in bytes.
    func residentRAM() -> Int? { withText(of: statm, residentPages(inStatm:)).map { $0 * OwnMemory.pageSize } }

    /// What reached the disk layer, in bytes.
    func disk() -> ProcessIO? { withText(of: io) { ProcessIO($0) } }

    private func withText<Value>(of file: CInt, _ parse: (UnsafeBufferPointer<UInt8>) -> Value?) -> Value? {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 2048) { buffer in
            let count = pread(file, buffer.baseAddress, buffer.count, 0)
            guard count > 0 else { return nil }
            return parse(UnsafeBufferPointer(rebasing: buffer[..<count]))
        }
    }
}
