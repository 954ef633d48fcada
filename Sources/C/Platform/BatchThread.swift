import DequeModule
import Synchronization

/// A thread that performs jobs in batches: all that have come while it worked on the last batch make the next one.
///
/// That is group commit. One job alone is performed at once; under load many share one transaction and one
/// fdatasync. The queue is bounded: a full one makes senders wait.
public final class BatchThread<Job: Sendable>: Sendable {
    private struct State {
        var queue: Deque<Job> = []
        /// Senders that wait for room, oldest first.
        var waiting: Deque<CheckedContinuation<Bool, Never>> = []
        var isClosed = false
        /// Whether the thread has been told of what is in the queue.
        var isWoken = true
        /// Whether it will look by itself soon.
        var isLingering = false
        var hasEnded = false
        var ended: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let signal = Signal()
    private let capacity: Int
    private let batchLimit: Int
    private let linger: Duration

    /// - Parameters:
    ///   - capacity: the most jobs that wait.
    ///   - batchLimit: the most jobs that are performed at once.
    ///   - linger: how long it looks again by itself after a batch, so that jobs that are not urgent need not wake it.
    ///   - perform: runs on the thread, with one or more jobs, in order of their coming.
    public init(
        name: String, capacity: Int, batchLimit: Int, linger: Duration = .zero,
        perform: @escaping @Sendable ([Job]) -> Void
    ) {
        self.linger = linger
        self.capacity = capacity
        self.batchLimit = batchLimit
        // The thread holds the object until it is closed.
        NamedThread.start(name) { self.loop(perform) }
    }

    /// Hands a job over, in the caller's order; waits while the queue is full.
    /// - Returns: false when the thread was closed before: the job was not taken.
    public func submit(_ job: Job, isUrgent: Bool = true) async -> Bool {
        while true {
            switch offer(job, isUrgent: isUrgent) {
            case .taken: return true
            case .closed: return false
            case .full: break
            }
            let mayRetry = await withCheckedContinuation { continuation in
                let refused = state.withLock { state -> Bool? in
                    if state.isClosed { return false }
                    if state.queue.count < capacity { return true }
                    state.waiting.append(continuation)
                    return nil
                }
                if let refused { continuation.resume(returning: refused) }
            }
            guard mayRetry else { return false }
        }
    }

    public enum Offer: Sendable { case taken, full, closed }

    /// Hands a job over if there is room for it.
    public func offer(_ job: Job, isUrgent: Bool = true) -> Offer {
        let result = state.withLock { state -> (Offer, Bool) in
            guard !state.isClosed else { return (.closed, false) }
            guard state.queue.count < capacity else { return (.full, false) }
            state.queue.append(job)
            let mustWake = isUrgent ? !state.isWoken : !state.isWoken && !state.isLingering
            if mustWake { state.isWoken = true }
            return (.taken, mustWake)
        }
        if result.1 { signal.raise() }
        return result.0
    }

    /// Performs what has been taken, takes no more, and waits until the thread has ended.
    public func close() async {
        let refused = state.withLock { state in
            state.isClosed = true
            defer { state.waiting.removeAll() }
            return state.waiting
        }
        for continuation in refused { continuation.resume(returning: false) }
        signal.raise()
        await withCheckedContinuation { continuation in
            let hasEnded = state.withLock { state in
                if !state.hasEnded { state.ended.append(continuation) }
                return state.hasEnded
            }
            if hasEnded { continuation.resume() }
        }
    }

    private func loop(_ perform: ([Job]) -> Void) {
        var mayLinger = false
        while true {
            let seen = signal.count
            let (batch, released, isClosed) = take(mayLinger: mayLinger)
            for continuation in released { continuation.resume(returning: true) }
            if !batch.isEmpty {
                perform(batch)
                mayLinger = linger > .zero
            } else if isClosed {
                break
            } else {
                signal.wait(past: seen, atMost: mayLinger ? linger : nil)
                mayLinger = false
            }
        }
        let ended = state.withLock { state in
            state.hasEnded = true
            return state.ended
        }
        for continuation in ended { continuation.resume() }
    }

    /// An empty batch means that the thread will wait.
    private func take(
        mayLinger: Bool
    ) -> (batch: [Job], released: [CheckedContinuation<Bool, Never>], isClosed: Bool) {
        state.withLock { state in
            let count = min(batchLimit, state.queue.count)
            let batch = Array(state.queue.prefix(count))
            state.queue.removeFirst(count)
            let released = Array(state.waiting.prefix(count))
            state.waiting.removeFirst(released.count)
            // While it works it will look again anyway: nobody need wake it.
            state.isWoken = count > 0
            state.isLingering = count == 0 && mayLinger
            return (batch, released, state.isClosed)
        }
    }
}
