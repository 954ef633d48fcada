import Glibc
import Platform

/// What this process and its children consume, from /proc.
enum ProcessTree {
    /// User and system time of this process and of every living descendant.
    static func cpuSeconds() -> Double {
        let ticks = Double(sysconf(CInt(_SC_CLK_TCK)))
        return members().reduce(0) { sum, pid in
            guard let fields = stat(pid), fields.count > 12, let user = Double(fields[11]),
                let system = Double(fields[12])
            else { return sum }
            return sum + (user + system) / ticks
        }
    }

    /// This process and every living descendant.
    static func members() -> [Int] {
        var children: [Int: [Int]] = [:]
        for name in (try? Files.names(in: "/proc")) ?? [] {
            guard let pid = Int(name), let fields = stat(pid), fields.count > 1, let parent = Int(fields[1]) else {
                continue
            }
            children[parent, default: []].append(pid)
        }
        var found: [Int] = []
        var pending = [Int(getpid())]
        while let pid = pending.popLast() {
            found.append(pid)
            pending += children[pid] ?? []
        }
        return found
    }

    /// The fields of /proc/PID/stat from the state on.
    private static func stat(_ pid: Int) -> [Substring]? {
        guard let bytes = try? Files.read("/proc/\(pid)/stat") else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        return text.lastIndex(of: ")").map { text[text.index(after: $0)...].split(separator: " ") }
    }
}
