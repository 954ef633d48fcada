import CLinux
import Glibc

/// A thread of its own for calls that block: they must not hold up Swift's cooperative pool.
public enum NamedThread {
    /// Starts a detached thread that runs `body` and ends with it.
    /// - Parameters:
    ///   - name: at most 15 bytes of it are shown by `ps -L` and profilers.
    ///   - stackSize: in bytes. 512 KiB are ample for our own code, and only touched pages count.
    public static func start(_ name: String, stackSize: Int = 512 << 10, _ body: @escaping @Sendable () -> Void) {
        let start = Unmanaged.passRetained(Start(name: name, body: body))
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, stackSize)
        var thread = pthread_t()
        let result = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                millrace_name_thread(start.name)
                start.body()
                return nil
            }, start.toOpaque())
        pthread_attr_destroy(&attributes)
        precondition(result == 0, "the system has no thread left (pthread_create: errno \(result))")
    }

    /// Makes the calling thread run soon after it wakes, even where as many threads compute as there are cores: its
    /// slice of the CPU becomes short, for which the scheduler lets it go first. For threads that do little at a time.
    ///
    /// Where neither that nor a better nice value is to be had, it stays as it was.
    public static func wakePromptly() { _ = millrace_wake_promptly(100_000) }

    private final class Start: Sendable {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// Runs one blocking call on a thread of its own and waits for it without blocking.
    public static func run<Value: Sendable>(
        _ name: String, stackSize: Int = 512 << 10, _ body: @escaping @Sendable () -> Value
    ) async -> Value {
        await withCheckedContinuation { continuation in
            start(name, stackSize: stackSize) { continuation.resume(returning: body()) }
        }
    }
}
