import CVips
import Glibc

/// Runs what blocks on a new thread, so that Swift's cooperative pool stays free, and waits for it without blocking.
/// Starting one costs some 30 µs, little beside any picture.
/// - Parameter name: at most 15 bytes, as tools show it.
/// - Returns: nil when no thread can be started.
func onThreadOfItsOwn<Value: Sendable>(
    named name: String, _ body: @escaping @Sendable () -> Value
) async -> Value? {
    await withCheckedContinuation { (continuation: CheckedContinuation<Value?, Never>) in
        let work = Work {
            cvips_name_thread(name)
            continuation.resume(returning: body())
        }
        // The thread takes over this reference.
        let reference = Unmanaged.passRetained(work)
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        defer { pthread_attr_destroy(&attributes) }
        var thread = pthread_t()
        let result = pthread_create(
            &thread, &attributes,
            { argument in
                if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
                return nil
            }, reference.toOpaque())
        if result != 0 {
            reference.release()
            continuation.resume(returning: nil)
        }
    }
}

private final class Work: Sendable {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) {
        self.body = body
    }
}
