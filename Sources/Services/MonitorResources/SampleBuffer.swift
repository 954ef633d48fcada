import MillraceCore
import Synchronization

/// Samples on their way to the store: bounded, so that a store that is away costs the oldest of them, and no more.
final class SampleBuffer: Sendable {
    /// What a writer takes at once.
    struct Content {
        var samples: [UsageSample] = []
        var estimates: [RunEstimate] = []
        var offsets: [Int: Int64] = [:]
        /// Samples and estimates that were dropped since the last content was saved.
        var dropped = 0

        var isEmpty: Bool { samples.isEmpty && estimates.isEmpty && offsets.isEmpty && dropped == 0 }
    }

    private struct State {
        var content = Content()
        var handedOver: [Int: Int64] = [:]
        var isClosed = false
        var isAbandoned = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())
    private let limit: Int

    init(limit: Int) {
        self.limit = max(1, limit)
    }

    /// - Parameter offsets: nil for those that were handed over last.
    func append(_ samples: [UsageSample], _ estimates: [RunEstimate], _ offsets: [Int: Int64]?) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.content.samples += samples
            state.content.estimates += estimates
            if let offsets, offsets != state.handedOver {
                state.handedOver = offsets
                state.content.offsets = offsets
            }
            cut(&state.content)
            guard !state.content.isEmpty else { return nil }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Takes back what could not be saved.
    func putBack(_ content: Content) {
        state.withLock { state in
            state.content.samples = content.samples + state.content.samples
            state.content.estimates = content.estimates + state.content.estimates
            state.content.offsets = content.offsets.merging(state.content.offsets) { _, new in new }
            state.content.dropped += content.dropped
            cut(&state.content)
        }
    }

    private func cut(_ content: inout Content) {
        let samples = max(0, content.samples.count - limit)
        let estimates = max(0, content.estimates.count - limit)
        content.samples.removeFirst(samples)
        content.estimates.removeFirst(estimates)
        content.dropped += samples + estimates
    }

    /// Waits until there is something, and takes it: at most `count` samples, and offsets only with the last of them.
    /// - Returns: nil when it is closed and empty, or abandoned.
    func next(_ count: Int) async -> Content? {
        while true {
            let (content, hasEnded) = state.withLock { state -> (Content?, Bool) in
                if state.isAbandoned { return (nil, true) }
                guard !state.content.isEmpty else { return (nil, state.isClosed) }
                var taken = state.content
                guard taken.samples.count > count else {
                    state.content = Content()
                    return (taken, false)
                }
                taken.samples.removeLast(taken.samples.count - count)
                taken.offsets = [:]
                state.content.samples.removeFirst(count)
                state.content.estimates = []
                state.content.dropped = 0
                return (taken, false)
            }
            if let content { return content }
            if hasEnded { return nil }
            await withCheckedContinuation { continuation in
                let mayGo = state.withLock { state in
                    if !state.content.isEmpty || state.isClosed || state.isAbandoned { return true }
                    state.waiter = continuation
                    return false
                }
                if mayGo { continuation.resume() }
            }
        }
    }

    /// Nothing more comes; what is there may still be taken.
    func close() { end { $0.isClosed = true } }

    /// Nothing is taken any more.
    func abandon() { end { $0.isAbandoned = true } }

    var isAbandoned: Bool { state.withLock { $0.isAbandoned } }

    private func end(_ change: (inout State) -> Void) {
        let waiter = state.withLock { state in
            change(&state)
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }
}
