import CKafka
import MillracePorts
import Platform

/// The handle that asks and administers, and its thread: librdkafka's calls for that block. It never fetches, since a
/// question would wait behind a fetch.
final class KafkaQuestions: Sendable {
    private struct Job: Sendable {
        /// nil when the bus is closed.
        var perform: @Sendable (KafkaClient?) -> Void
    }

    private let mailbox = Mailbox<Job>(limit: 64)
    private let handle: KafkaHandle
    private let settings: KafkaSettings

    init(_ settings: KafkaSettings, _ health: KafkaHealth) throws(BusError) {
        self.settings = settings
        handle = try KafkaHandle(.questions, settings, health)
        guard let queue = rd_kafka_queue_get_main(handle.pointer) else {
            throw BusError(.unavailable, "opening librdkafka’s queue")
        }
        let main = KafkaPointer(queue)
        mailbox.connect(main)
        NamedThread.start("kafka-ask") { self.run(main) }
    }

    /// Performs a question on the thread and waits for its answer.
    /// - Throws: what `ask` threw; `unavailable` when the cluster does not answer or too many wait, `closed`.
    func ask<Value: Sendable>(
        _ doing: String, _ ask: @escaping @Sendable (KafkaClient) throws(BusError) -> Value
    ) async throws(BusError) -> Value {
        let asked = ContinuousClock.now
        let patience = settings.requestTimeout
        let result = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<Value, BusError>, Never>) in
            let job = Job { [handle] client in
                guard let client else {
                    return continuation.resume(returning: .failure(BusError(.closed, doing)))
                }
                // It has waited behind others that had no answer either.
                if ContinuousClock.now - asked > patience, let trouble = handle.health.trouble {
                    return continuation.resume(returning: .failure(BusError(.unavailable, doing, cause: trouble)))
                }
                do throws(BusError) {
                    continuation.resume(returning: .success(try ask(client)))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
            switch mailbox.post(job) {
            case .taken: break
            case .closed: continuation.resume(returning: .failure(BusError(.closed, doing)))
            case .full:
                continuation.resume(
                    returning: .failure(BusError(.unavailable, doing, cause: "too many questions wait already")))
            }
        }
        return try result.get()
    }

    /// The same without waiting: `answer` is called on the thread.
    func ask<Value: Sendable>(
        _ doing: String, _ ask: @escaping @Sendable (KafkaClient) throws(BusError) -> Value,
        answer: @escaping @Sendable (Result<Value, BusError>) -> Void
    ) {
        let job = Job { client in
            guard let client else { return answer(.failure(BusError(.closed, doing))) }
            do throws(BusError) { answer(.success(try ask(client))) } catch { answer(.failure(error)) }
        }
        if mailbox.post(job) != .taken { answer(.failure(BusError(.unavailable, doing))) }
    }

    /// Answers what waits with `closed`, and ends the thread.
    func close() async {
        await withCheckedContinuation { continuation in
            let job = Job { [mailbox] _ in
                for job in mailbox.close() { job.perform(nil) }
                continuation.resume()
            }
            if mailbox.post(job) != .taken {
                for job in mailbox.close() { job.perform(nil) }
                continuation.resume()
            }
        }
    }

    private func run(_ main: KafkaPointer) {
        let client = KafkaClient(handle, settings, main: main)
        while !mailbox.isClosed {
            client.pollEvents(atMost: .seconds(1))
            for job in mailbox.take() { job.perform(client) }
        }
        for job in mailbox.close() { job.perform(nil) }
        rd_kafka_queue_destroy(main.pointer)
        handle.destroy()
    }
}
