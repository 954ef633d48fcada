import CKafka
import Synchronization

/// What callers ask of a thread that sleeps on a queue of librdkafka's.
final class Mailbox<Message: Sendable>: Sendable {
    private struct State {
        var queue: KafkaPointer?
        var messages: [Message] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    private let limit: Int

    /// - Parameter limit: the most messages that wait.
    init(limit: Int) { self.limit = limit }

    /// The queue that the thread sleeps on, once it is there.
    func connect(_ queue: KafkaPointer) { state.withLock { $0.queue = queue } }

    enum Posting: Sendable { case taken, full, closed }

    /// Leaves a message and wakes the thread.
    func post(_ message: Message) -> Posting {
        state.withLock { state in
            if state.isClosed { return .closed }
            guard state.messages.count < limit else { return .full }
            state.messages.append(message)
            // Under the lock, since the thread destroys its queue after it has closed the box.
            if let queue = state.queue { rd_kafka_queue_yield(queue.pointer) }
            return .taken
        }
    }

    func take() -> [Message] {
        state.withLock { state in
            defer { state.messages = [] }
            return state.messages
        }
    }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Takes nothing from now on; the thread still has to answer what it gets here.
    func close() -> [Message] {
        state.withLock { state in
            state.isClosed = true
            state.queue = nil
            defer { state.messages = [] }
            return state.messages
        }
    }
}
