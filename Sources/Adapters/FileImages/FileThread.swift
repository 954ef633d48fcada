internal import MillracePorts
internal import Platform

/// A thread for file operations, which block: one after another, in order of their coming.
struct FileThread: Sendable {
    private let thread: BatchThread<@Sendable () -> Void>

    init(_ name: String) {
        // A few hundred uploads may each have one chunk waiting here; what is more than that waits at its source.
        thread = BatchThread(name: name, capacity: 256, batchLimit: 1) { jobs in
            for job in jobs { job() }
        }
    }

    func run<Value: Sendable>(
        _ doing: @autoclosure @escaping @Sendable () -> String, _ body: @escaping @Sendable () throws -> Value
    ) async throws(ImageStoreError) -> Value {
        let reply = Reply<Value, ImageStoreError>()
        let isTaken = await thread.submit {
            do {
                reply.bring(.success(try body()))
            } catch {
                reply.bring(.failure(ImageStoreError(error, doing: doing())))
            }
        }
        guard isTaken else { throw ImageStoreError(.unavailable, doing(), cause: "the store is closed") }
        return try await reply.value()
    }

    func close() async { await thread.close() }
}
