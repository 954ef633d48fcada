import Glibc
import MillraceCore
import Platform

/// What this process and its children consume, from /proc.
enum OwnProcesses {
    /// User and system time of this process and of every living descendant.
    static func cpuSeconds() -> Double {
        members().reduce(0) { $0 + (cpuSeconds(of: $1) ?? 0) }
    }

    /// To the nanosecond, by the process's own clock.
    static func cpuSeconds(of pid: Int) -> Double? {
        var clock = clockid_t()
        var time = timespec()
        guard clock_getcpuclockid(pid_t(pid), &clock) == 0, clock_gettime(clock, &time) == 0 else { return nil }
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    /// In bytes: all that is resident, and what of it is this process's alone.
    static func memory(of pid: Int) -> (resident: Int, own: Int)? {
        guard let bytes = try? Files.read("/proc/\(pid)/smaps_rollup") else { return nil }
        var resident: Int?
        var own = 0
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count > 1, let kibibytes = Int(words[1]) else { continue }
            if words[0] == "Rss:" { resident = kibibytes << 10 }
            if words[0] == "Private_Clean:" || words[0] == "Private_Dirty:" { own += kibibytes << 10 }
        }
        return resident.map { ($0, own) }
    }

    /// `up`, or the task of a worker, from its command line.
    static func role(of pid: Int) -> String {
        let bytes = (try? Files.read("/proc/\(pid)/cmdline")) ?? []
        let words = bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        if let flag = words.firstIndex(of: "--task"), flag + 1 < words.count { return "worker-\(words[flag + 1])" }
        return words.count > 1 ? words[1] : "process-\(pid)"
    }

    /// This process and every living descendant.
    static func members() -> [Int] {
        var children: [Int: [Int]] = [:]
        for name in (try? Files.names(in: "/proc")) ?? [] {
            guard let pid = Int(name), let bytes = try? Files.read("/proc/\(pid)/stat"),
                let parent = bytes.withUnsafeBufferPointer({ ProcessStat($0)?.parent })
            else { continue }
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
}
