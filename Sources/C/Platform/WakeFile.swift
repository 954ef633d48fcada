import CLinux
import Glibc

/// Words in a file that processes share and sleep on: whoever writes raises one, and all that wait for it wake, within
/// microseconds and without polling.
public final class WakeFile: Sendable {
    /// A page of words.
    public static let wordCount = 1024

    // Shared memory that is only touched by atomic calls, mapped until the object ends.
    private nonisolated(unsafe) let words: UnsafeMutablePointer<UInt32>

    public init(path: String) throws(SystemError) {
        let size = Self.wordCount * MemoryLayout<UInt32>.size
        let file = try Files.open(path, O_RDWR | O_CREAT)
        defer { Glibc.close(file) }
        guard ftruncate(file, off_t(size)) == 0 else { throw .last("sizing \(path)") }
        guard let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), memory != MAP_FAILED else {
            throw .last("mapping \(path)")
        }
        words = memory.bindMemory(to: UInt32.self, capacity: Self.wordCount)
    }

    deinit { munmap(words, Self.wordCount * MemoryLayout<UInt32>.size) }

    public func count(_ word: Int) -> UInt32 { millrace_atomic_load(words + word % Self.wordCount) }

    public func raise(_ word: Int) {
        millrace_atomic_increment(words + word % Self.wordCount)
        millrace_futex_wake_all(words + word % Self.wordCount)
    }

    /// Blocks the thread until the word is another than `seen`, or the time is over; it may return earlier.
    public func wait(_ word: Int, past seen: UInt32, atMost timeout: Duration) {
        guard count(word) == seen else { return }
        let nanoseconds = timeout.components.seconds * 1_000_000_000 + timeout.components.attoseconds / 1_000_000_000
        _ = millrace_futex_wait(words + word % Self.wordCount, seen, nanoseconds)
    }
}
