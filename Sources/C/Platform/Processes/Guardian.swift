import CLinux
import Glibc
import Synchronization

/// Kills this process's guarded children when it ends, even by `kill -9`.
///
/// It is a process: a shell of less than 1 MB that reads the children's groups from a socket, which a child itself
/// announces before it runs its program, and which are withdrawn before their ids can be taken by others. The end of
/// the socket is the end of this process: it kills what is still announced, and exits. One is enough for all children,
/// and is started with the first.
///
/// A fork of this process in its place would keep a copy of its memory, and count as such wherever it is metered.
final class Guardian: Sendable {
    static let shared = Guardian()

    private struct State {
        var socket: CInt = -1
        var pid: pid_t = 0
        var groups: Set<pid_t> = []
    }

    private let state = Mutex(State())

    private static let script = """
        trap '' HUP INT QUIT TERM
        groups=' '
        while read -r sign group; do
            case $sign in
            +) groups="$groups$group " ;;
            -) case $groups in *" $group "*) groups="${groups%% $group *} ${groups#* $group }" ;; esac ;;
            esac
        done
        for group in $groups; do kill -KILL "-$group"; done
        """

    /// Starts a child that the guardian knows of. The caller's thread may block for some milliseconds.
    /// - Parameter spawn: given the guardian's socket.
    func spawn(_ spawn: (CInt) throws(SpawnFailure) -> Started) throws(SpawnFailure) -> Started {
        // Under the lock, so that no withdrawal and no restart comes between.
        try state.withLock { (state) throws(SpawnFailure) in
            if state.socket < 0 { try start(&state) }
            do throws(SpawnFailure) {
                return add(try spawn(state.socket), to: &state)
            } catch {
                withdraw(error.zombie, from: &state)
                // Somebody has killed the guardian: another takes its place, and the groups that still live.
                guard error.stage == MILLRACE_SPAWN_GUARDIAN else { throw error }
                try start(&state)
            }
            do throws(SpawnFailure) {
                return add(try spawn(state.socket), to: &state)
            } catch {
                withdraw(error.zombie, from: &state)
                throw error
            }
        }
    }

    /// Starts it where it is not there yet, so that the first child need not wait for it.
    func prepare() {
        state.withLock { state in
            if state.socket < 0 { try? start(&state) }
        }
    }

    /// To be called when the group is empty, or as good as, and before its leader is reaped.
    func release(_ group: pid_t) {
        state.withLock { state in
            state.groups.remove(group)
            send("- \(group)\n", over: state.socket)
        }
    }

    private func add(_ child: Started, to state: inout State) -> Started {
        state.groups.insert(child.pid)
        return child
    }

    private func withdraw(_ zombie: pid_t, from state: inout State) {
        guard zombie > 0 else { return }
        send("- \(zombie)\n", over: state.socket)
        _ = try? OwnChildren.reap(zombie)
    }

    private func start(_ state: inout State) throws(SpawnFailure) {
        stop(&state)
        var ends: [CInt] = [-1, -1]
        guard socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue) | O_CLOEXEC, 0, &ends) == 0 else {
            throw SpawnFailure(.last("making the guardian's socket"), stage: MILLRACE_SPAWN_DESCRIPTORS)
        }
        defer { close(ends[1]) }
        let null = millrace_open("/dev/null", O_RDWR | O_CLOEXEC, 0)
        defer { close(null) }
        do {
            state.pid = try Spawn.start(
                "/bin/sh", ["millrace-guardian", "-c", Self.script], environment: [:], folder: "/",
                descriptors: [ends[1], null, null], guardian: -1
            ).pid
        } catch {
            close(ends[0])
            if error.zombie > 0 { _ = try? OwnChildren.reap(error.zombie) }
            throw SpawnFailure(
                SystemError(error.cause.code, "starting the guardian, /bin/sh"), stage: MILLRACE_SPAWN_FORK)
        }
        state.socket = ends[0]
        for group in state.groups { send("+ \(group)\n", over: state.socket) }
    }

    private func stop(_ state: inout State) {
        guard state.socket >= 0 else { return }
        close(state.socket)
        state.socket = -1
        kill(state.pid, SIGKILL)
        _ = try? OwnChildren.reap(state.pid)
    }

    private func send(_ line: String, over socket: CInt) {
        // A guardian that is gone is replaced at the next start, and told of what lives then.
        _ = Glibc.send(socket, line, line.utf8.count, CInt(MSG_NOSIGNAL))
    }
}
