import Glibc

/// A process, told apart from a later one with the same pid by the time of its start.
public struct ProcessIdentity: Hashable, Sendable {
    public var pid: Int
    /// In clock ticks since boot, as in `/proc/PID/stat`.
    public var startTicks: Int

    public init(pid: Int, startTicks: Int) {
        self.pid = pid
        self.startTicks = startTicks
    }

    /// This process.
    public static let current = ProcessIdentity(
        pid: Int(getpid()), startTicks: startTicks(of: Int(getpid())) ?? 0)

    /// Whether it is still running; a zombie is not.
    public var isAlive: Bool {
        guard let stat = ProcessFiles.stat(of: pid) else { return false }
        return stat.startTicks == startTicks && stat.state != "Z" && stat.state != "X"
    }

    public static func startTicks(of pid: Int) -> Int? {
        ProcessFiles.stat(of: pid)?.startTicks
    }

    /// Changes with each boot of the machine.
    public static var bootID: String {
        let bytes = (try? Files.read("/proc/sys/kernel/random/boot_id")) ?? []
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").first.map(String.init) ?? ""
    }
}
