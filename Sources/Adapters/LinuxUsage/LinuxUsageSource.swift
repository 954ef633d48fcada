public import MillraceCore
public import MillracePorts
import Platform

/// Where the kernel's files are.
public struct LinuxUsageRoots: Hashable, Sendable {
    public var proc: String
    public var cgroup: String

    /// - Parameters:
    ///   - proc: `/proc`, or that of another pid namespace: then CPU time is told in ticks.
    ///   - cgroup: where cgroup v2, or the hierarchies of v1, are mounted.
    public init(proc: String = "/proc", cgroup: String = "/sys/fs/cgroup") {
        self.proc = proc
        self.cgroup = cgroup
    }
}

/// Reads processes with their descendants in `/proc`, and pods in the cgroup file system, v2 and v1.
///
/// All targets share one thread, one sweep of `/proc` at a tick that finds processes that are new, and half of the file
/// descriptors that this process may have, whose soft limit is raised up to 65,536; with more targets than that, files
/// are opened each time.
public struct LinuxUsageSource: UsageSource {
    private let roots: LinuxUsageRoots

    public init(_ roots: LinuxUsageRoots = LinuxUsageRoots()) {
        self.roots = roots
    }

    public func run(
        every period: Duration, targets: @escaping @Sendable () -> [MeteringTarget],
        deliver: @escaping @Sendable (UsageTick) -> Void
    ) async {
        let stop = Signal()
        await withTaskCancellationHandler {
            await NamedThread.run("metering") {
                // Busy processes, which it is to meter, would keep it waiting for their slices' ends.
                NamedThread.wakePromptly()
                let sampler = UsageSampler(roots)
                var grid = TickGrid(first: SystemClock.monotonicMicroseconds, period: period.microseconds)
                while Self.sleep(until: grid.due, stop) {
                    let began = SystemClock.monotonicMicroseconds
                    deliver(UsageTick(due: grid.due, began: began, readings: sampler.read(targets())))
                    grid.advance(now: SystemClock.monotonicMicroseconds)
                }
            }
        } onCancel: {
            stop.raise()
        }
    }

    /// - Returns: false when it is to end.
    private static func sleep(until due: Int64, _ stop: Signal) -> Bool {
        while stop.count == 0 {
            let left = due - SystemClock.monotonicMicroseconds
            guard left > 0 else { return true }
            stop.wait(past: 0, atMost: .microseconds(left))
        }
        return false
    }
}
