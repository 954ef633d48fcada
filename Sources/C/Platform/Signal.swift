import CLinux

/// A counter that threads can sleep on until it moves: a futex of this process.
public final class Signal: Sendable {
    // The word is only touched by atomic calls, and freed with the object.
    private nonisolated(unsafe) let word: UnsafeMutablePointer<UInt32>

    public init() {
        word = .allocate(capacity: 1)
        word.initialize(to: 0)
    }

    deinit { word.deallocate() }

    public var count: UInt32 { millrace_atomic_load(word) }

    public func raise() {
        millrace_atomic_increment(word)
        millrace_futex_wake_all(word)
    }

    /// Blocks the thread until the count is another than `seen`, or the time is over.
    public func wait(past seen: UInt32, atMost timeout: Duration? = nil) {
        while count == seen {
            let nanoseconds = timeout.map {
                $0.components.seconds * 1_000_000_000 + $0.components.attoseconds / 1_000_000_000
            }
            _ = millrace_futex_wait(word, seen, nanoseconds ?? -1)
            if timeout != nil { return }
        }
    }
}
