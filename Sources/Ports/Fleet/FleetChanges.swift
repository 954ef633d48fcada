internal import MillraceCore
internal import Synchronization

/// Tells any number of readers of each task's status, as ``Fleet/changes()`` promises it: for those who write a fleet.
///
/// A reader begins with the latest of every task that has had one, and then gets each change. What a slow reader has
/// not fetched yet is replaced by what is newer, so that nothing grows beyond one status per task and reader.
public final class FleetChanges: Sendable {
    private struct State {
        var latest: [TaskName: FleetStatus] = [:]
        var readers: [Weak] = []
        var isFinished = false
    }

    private struct Weak {
        weak var reader: Reader?
    }

    private let state = Mutex(State())

    public init() {}

    /// Tells of a status; the same again is not told again. To be called in the order of the changes.
    public func publish(_ status: FleetStatus) {
        state.withLock { state in
            guard !state.isFinished, state.latest.updateValue(status, forKey: status.task) != status else { return }
            state.readers.removeAll { $0.reader == nil }
            for entry in state.readers { entry.reader?.put(status) }
        }
    }

    /// Ends all streams, after what they still hold.
    public func finish() {
        let readers = state.withLock { state in
            state.isFinished = true
            defer { state.readers = [] }
            return state.readers.compactMap(\.reader)
        }
        for reader in readers { reader.finish() }
    }

    /// A new reader's stream.
    public func stream() -> AsyncStream<FleetStatus> {
        // The stream alone holds the reader: with the stream it goes.
        let reader = Reader()
        state.withLock { state in
            for (_, status) in state.latest.sorted(by: { $0.key < $1.key }) { reader.put(status) }
            if state.isFinished { reader.finish() } else { state.readers.append(Weak(reader: reader)) }
        }
        return AsyncStream(unfolding: { await reader.next() }, onCancel: { reader.finish() })
    }
}

/// One reader's statuses that it has not fetched yet.
private final class Reader: Sendable {
    private struct State {
        var pending: [FleetStatus] = []
        var waiting: CheckedContinuation<FleetStatus?, Never>?
        var isFinished = false
    }

    private let state = Mutex(State())

    func put(_ status: FleetStatus) {
        let waiting = state.withLock { state in
            if let waiting = state.waiting {
                state.waiting = nil
                return Optional(waiting)
            }
            state.pending.removeAll { $0.task == status.task }
            state.pending.append(status)
            return nil
        }
        waiting?.resume(returning: status)
    }

    func finish() {
        let waiting = state.withLock { state in
            state.isFinished = true
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume(returning: nil)
    }

    func next() async -> FleetStatus? {
        await withCheckedContinuation { continuation in
            let answer = state.withLock { state -> FleetStatus?? in
                if !state.pending.isEmpty { return .some(state.pending.removeFirst()) }
                // A stream has one reader at a time; a second one gets the end.
                if state.isFinished || state.waiting != nil { return .some(nil) }
                state.waiting = continuation
                return nil
            }
            if let answer { continuation.resume(returning: answer) }
        }
    }
}
