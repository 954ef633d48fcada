import CLinux
import Glibc
import Synchronization

/// One run of a program as a child process, with all of its process group if it has one of its own.
///
/// A thread stays with each child from its start to its end: it starts it, drains its pipes, takes its consumption and
/// reaps it. `wait4` gives that consumption to whoever reaps and to nobody else, and reading the pipes blocks, so that
/// a thread is needed anyhow; children are few, and a sleeping thread costs two pages.
///
/// What is left of its own group when its leader has ended is killed: nothing that stayed in there outlives the child.
public final class ChildProcess: Sendable {
    private enum State {
        /// A signal that comes now keeps it from starting, or is passed on if it is starting just then.
        case created(signal: CInt?)
        case running(pid_t)
        case ended
    }

    let launch: Launch
    private let state = Mutex(State.created(signal: nil))
    private let ended = Signal()

    public init(_ launch: Launch) {
        self.launch = launch
    }

    /// Makes ready for guarded children: the first one starts sooner, and what guards them is there before them. Blocks for
    /// some milliseconds.
    public static func prepareGuarding() { Guardian.shared.prepare() }

    /// Runs the program and waits for its end, on a thread of its own. A cancelled run is told to end by SIGTERM and
    /// killed `killAfter` later; zero kills at once.
    /// - Throws: what has kept it from starting.
    public static func run(_ launch: Launch, killAfter: Duration) async throws(SystemError) -> ChildExit {
        let child = ChildProcess(launch)
        let result = await withTaskCancellationHandler {
            await NamedThread.run("child") {
                Result { () throws(SystemError) in try child.runBlocking() }
            }
        } onCancel: {
            child.end(killAfter: killAfter)
        }
        return try result.get()
    }

    /// Runs the program and waits for its end, on the calling thread. To be called once.
    /// - Parameters:
    ///   - onStart: called with the process's id, which is that of its own group too.
    ///   - onReady: called when it announces that it is ready.
    /// - Throws: what has kept it from starting.
    public func runBlocking(
        onStart: (Int32) -> Void = { _ in }, onReady: () -> Void = {}
    ) throws(SystemError) -> ChildExit {
        let isUnwanted = state.withLock { if case .created(nil) = $0 { false } else { true } }
        defer { ended.raise() }
        guard !isUnwanted else { return .neverStarted }
        var supervision = try Supervision(launch)
        let missed = state.withLock { state -> CInt? in
            defer { state = .running(supervision.pid) }
            if case .created(let signal) = state { return signal }
            return nil
        }
        if let missed { signal(missed) }
        onStart(supervision.pid)
        supervision.awaitEnd(onReady: onReady)
        // From here on the id is about to be free: nothing may be sent to it any more.
        state.withLock { $0 = .ended }
        return try supervision.finish()
    }

    /// Sends a signal to the whole group, or to the process if it has none of its own. Before the start, it keeps the
    /// program from starting; after the end, it does nothing.
    public func signal(_ signal: CInt) {
        state.withLock { state in
            switch state {
            case .created(let earlier): state = .created(signal: earlier == SIGKILL ? earlier : signal)
            case .running(let pid): kill(launch.recipient(pid), signal)
            case .ended: break
            }
        }
    }

    /// SIGTERM now, SIGKILL after `killAfter`; zero: SIGKILL now.
    public func end(killAfter: Duration) {
        guard killAfter > .zero else { return signal(SIGKILL) }
        signal(SIGTERM)
        NamedThread.start("child-end") {
            // Woken by the end, which makes the signal a matter of nothing.
            self.ended.wait(past: 0, atMost: killAfter)
            self.signal(SIGKILL)
        }
    }
}
