import CLinux
import Glibc

/// This process's own memory.
public enum OwnMemory {
    /// In bytes.
    public static let pageSize = max(1, sysconf(CInt(_SC_PAGESIZE)))

    /// Gives back what only the start needed: code that is mapped and not running any more, and free heap.
    ///
    /// The kernel maps code 64 KiB at a time, so that a start that touches a little of everything leaves some 20 MB
    /// mapped. The pages stay in the page cache, and those that are used come back with a minor fault each.
    public static func trim() {
        if let maps = try? Files.read("/proc/self/maps") {
            for line in String(decoding: maps, as: UTF8.self).split(separator: "\n") where line.contains(" r-xp ") {
                // Only code from files: it is never written, so that nothing is lost with the mapping's pages.
                guard line.contains("/"), let range = addresses(of: line),
                    let start = UnsafeMutableRawPointer(bitPattern: range.lowerBound)
                else { continue }
                madvise(start, Int(range.upperBound - range.lowerBound), CInt(MADV_DONTNEED))
            }
        }
        millrace_trim_heap()
    }

    private static func addresses(of line: Substring) -> Range<UInt>? {
        let ends = line.prefix { $0 != " " }.split(separator: "-")
        guard ends.count == 2, let start = UInt(ends[0], radix: 16), let end = UInt(ends[1], radix: 16), start < end
        else {
            return nil
        }
        return start..<end
    }
}
