internal import DequeModule
internal import MillracePorts
internal import Platform
internal import Synchronization

/// Connections that read, each on a thread of its own. The one that was used last is used first, so that few are opened
/// where few are needed.
final class Readers: Sendable {
    private typealias Job = @Sendable () -> Void

    private struct Reader {
        let link: Link
        let thread: BatchThread<Job>
    }

    private struct State {
        var idle: [Int]
        /// Callers that wait for a reader, oldest first.
        var waiting: Deque<CheckedContinuation<Int?, Never>> = []
        var isClosed = false
    }

    private let readers: [Reader]
    private let state: Mutex<State>
    private let waitingLimit: Int

    /// - Parameter first: a connection that is open already.
    init(_ server: Server, first: Connection) {
        let count = max(1, server.settings.readers)
        var first: Connection? = first
        readers = (0..<count).map { index in
            let link = Link(server, first)
            first = nil
            // One job at a time is handed to it.
            let thread = BatchThread<Job>(name: "store-reader-\(index)", capacity: 1, batchLimit: 1) { jobs in
                for job in jobs { job() }
            }
            return Reader(link: link, thread: thread)
        }
        state = Mutex(State(idle: Array((0..<count).reversed())))
        waitingLimit = server.settings.readQueueCapacity
    }

    /// Runs `body` with a connection, on a reader's thread; again where the connection was lost while it ran.
    func read<Value: Sendable>(
        _ doing: String, _ body: @escaping @Sendable (Connection) throws -> Value
    ) async throws(StoreError) -> Value {
        let index = try await take(doing)
        defer { release(index) }
        let reader = readers[index]
        let reply = Reply<Value, StoreError>()
        let isTaken = await reader.thread.submit {
            do {
                reply.bring(.success(try reader.link.use(mayRepeat: true, body)))
            } catch {
                reply.bring(.failure(StoreError(error, doing: doing)))
            }
        }
        guard isTaken else { throw StoreError(.closed, doing) }
        return try await reply.value()
    }

    private func take(_ doing: String) async throws(StoreError) -> Int {
        enum Answer { case reader(Int), closed, overloaded, wait }
        func answer(_ continuation: CheckedContinuation<Int?, Never>?) -> Answer {
            state.withLock { state in
                if state.isClosed { return .closed }
                if let index = state.idle.popLast() { return .reader(index) }
                guard state.waiting.count < waitingLimit else { return .overloaded }
                if let continuation { state.waiting.append(continuation) }
                return .wait
            }
        }
        switch answer(nil) {
        case .reader(let index): return index
        case .closed: throw StoreError(.closed, doing)
        case .overloaded: throw StoreError(.overloaded, doing)
        case .wait: break
        }
        let index = await withCheckedContinuation { continuation in
            switch answer(continuation) {
            case .reader(let index): continuation.resume(returning: index)
            case .closed: continuation.resume(returning: nil)
            // It was short of the limit a moment ago.
            case .overloaded: continuation.resume(returning: -1)
            case .wait: break
            }
        }
        guard let index else { throw StoreError(.closed, doing) }
        guard index >= 0 else { throw StoreError(.overloaded, doing) }
        return index
    }

    private func release(_ index: Int) {
        let next = state.withLock { state -> CheckedContinuation<Int?, Never>? in
            if let next = state.waiting.popFirst() { return next }
            state.idle.append(index)
            return nil
        }
        next?.resume(returning: index)
    }

    /// Ends the threads when they have done what they do, and closes the connections.
    func close() async {
        let refused = state.withLock { state in
            state.isClosed = true
            defer { state.waiting.removeAll() }
            return state.waiting
        }
        for continuation in refused { continuation.resume(returning: nil) }
        for reader in readers {
            await reader.thread.close()
            reader.link.close()
        }
    }
}
