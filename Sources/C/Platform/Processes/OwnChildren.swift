import CLinux
import Glibc
import Synchronization

/// The children that this library has started and not reaped yet. Whoever started one reaps it; nobody else does.
enum OwnChildren {
    private static let pids = Mutex<Set<pid_t>>([])

    /// Starts one; a failed one that is to be reaped is among them too. Returns an errno.
    static func start(_ request: inout millrace_spawn_request, _ child: inout millrace_spawned) -> CInt {
        // Under the lock, so that none that ends at once is taken for an orphan. It is held until the program runs: for
        // less than 1 ms, or as long as the disk takes to read the program's first page.
        pids.withLock { pids in
            let error = millrace_spawn(&request, &child)
            if child.pid > 0 { pids.insert(child.pid) }
            return error
        }
    }

    /// Waits for one's end and reaps it.
    static func reap(_ pid: pid_t) throws(SystemError) -> millrace_exit {
        _ = millrace_await_exit(pid)
        var exit = millrace_exit()
        let error = pids.withLock { pids in
            // Its id is free from here on, and may be that of the next one.
            pids.remove(pid)
            return millrace_reap(pid, &exit)
        }
        guard error == 0 else { throw SystemError(error, "waiting for process \(pid)") }
        return exit
    }

    /// Reaps those of the ended children that are not among them.
    static func reapOthers(of ended: [pid_t], _ body: (pid_t) -> Void) {
        pids.withLock { pids in
            for pid in ended where !pids.contains(pid) { body(pid) }
        }
    }
}
