import CLinux
import Glibc

/// Descendants whose own parent has ended, such as what a command started in the background: a process that has adopted
/// them becomes their parent in place of init, and is told what they consumed.
///
/// `wait4` tells of a command only what it has itself waited for. What it left behind is told here, once that has ended
/// as well; of which command it came cannot be told.
public enum Orphans {
    /// Adopts those that there will be, for as long as this process lives.
    ///
    /// Such a process must start its children by `ChildProcess` only: of others that have ended it cannot be told
    /// whether they were adopted, so that `reap` would take them from who waits for them.
    public static func adopt() throws(SystemError) {
        guard millrace_become_subreaper() == 0 else { throw .last("adopting orphaned processes") }
    }

    /// Reaps those that have ended, without waiting for others. The children that `ChildProcess` has started are left
    /// to it, whether they have ended or not.
    /// - Returns: how each ended and what it consumed, that of descendants it has waited for included. The peak is the
    ///   kernel's: of one that runs its parent's program still (a fork without exec), what it had of that counts.
    public static func reap() -> [ChildExit] {
        guard millrace_has_ended(0) else { return [] }
        var exits: [ChildExit] = []
        OwnChildren.reapOthers(of: zombies()) { pid in
            guard millrace_has_ended(pid) else { return }
            // The zombie has its counters still.
            let disk = ProcessFiles.disk(of: pid)
            var exit = millrace_exit()
            // Nobody else reaps it, so that this does not block.
            if millrace_reap(pid, &exit) == 0 { exits.append(ChildExit(exit, disk: disk)) }
        }
        return exits
    }

    /// The zombies whose parent is this process. All of /proc is gone through: `waitid` would tell of one only, and not
    /// of every kernel's `/proc/self/task/*/children` can be relied on.
    private static func zombies() -> [pid_t] {
        let own = getpid()
        return ((try? Files.names(in: "/proc")) ?? []).compactMap(pid_t.init).filter { pid in
            guard let stat = ProcessFiles.stat(of: Int(pid)) else { return false }
            return stat.parent == own && stat.state == "Z"
        }
    }
}
