import Glibc
import Logging
import MillraceCore
import MillracePorts
import MillraceTesting
import Platform
import ProcessFleet

/// A fleet whose replicas are a shell script, in a folder of its own.
struct ScriptFleet: Sendable {
    let fleet: ProcessFleet
    let clock: ManualClock
    let folder: String
    let task: TaskName
    let other: TaskName

    /// Announces itself, and then waits for the end of its lifeline, in a child: a shell that reads by itself can miss a
    /// signal that comes just before, while `wait` cannot. `NAME.step` is a FIFO that ends a step when a line
    /// comes through it; with that, SIGTERM waits for the step.
    static let orderly = """
        trap '[ -p "$D/$MILLRACE_INSTANCE.step" ] && read -r end < "$D/$MILLRACE_INSTANCE.step"; exit 0' TERM
        echo $$ > "$D/$MILLRACE_INSTANCE.pid"
        echo ready >&4
        exec 4>&-
        cat <&3 & wait
        """

    static func with(
        _ script: String = orderly, grace: Duration = .seconds(40), _ body: (ScriptFleet) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder in
            let it = try ScriptFleet(script, grace: grace, folder: folder)
            try await withThrowingTaskGroup { group in
                group.addTask { await it.fleet.run() }
                try await body(it)
                await it.fleet.shutdown()
                try await group.waitForAll()
            }
        }
    }

    init(_ script: String = orderly, grace: Duration = .seconds(40), folder: String) throws {
        self.folder = folder
        task = try TaskName("resize")
        other = try TaskName("blur")
        clock = ManualClock()
        let settings = ProcessFleetSettings(
            gracePeriods: [task: grace, other: grace], executable: "/bin/sh",
            arguments: { task, instance in ["-c", "D='\(folder)'; \(script)", "\(task)", instance] },
            logFolder: folder + "/logs")
        var logger = Logger(label: "fleet")
        logger.logLevel = .critical
        fleet = try ProcessFleet(settings: settings, clock: clock, logger: logger)
    }

    /// The first status that is as wished.
    @discardableResult
    func wait(_ isWished: (FleetStatus) -> Bool) async throws -> FleetStatus {
        for await status in fleet.changes() where status.task == task && isWished(status) { return status }
        throw Broken("the changes ended before the wished-for status came")
    }

    func scale(to replicas: Int) async throws {
        try await fleet.scale(task, to: replicas)
        try await wait { $0.ready == replicas && $0.existing == replicas }
    }

    /// The replicas of a task that live and have announced themselves, oldest first.
    func instances(_ task: TaskName) throws -> [String] {
        try Files.names(in: folder).filter { $0.hasPrefix("\(task)-") && $0.hasSuffix(".pid") }
            .map { String($0.dropLast(4)) }
            .filter { ProcessIdentity.startTicks(of: Int(try pid(of: $0))) != nil }
            .sorted { try pid(of: $0) < pid(of: $1) }
    }

    func pid(of instance: String) throws -> pid_t {
        let text = String(decoding: try Files.read("\(folder)/\(instance).pid"), as: UTF8.self)
        guard let pid = pid_t(text.split(separator: "\n").first ?? "") else { throw Broken("no pid in \(text)") }
        return pid
    }

    func fixture() throws -> FleetFixture {
        FleetFixture(fleet: fleet, tasks: (task, other), unknown: try TaskName("nobody")) { task in
            try instances(task)
        } crash: { _, instance in
            kill(try pid(of: instance), SIGKILL)
        } beginStep: { task, instance in
            guard mkfifo("\(folder)/\(instance).step", 0o600) == 0 else { throw SystemError.last("making a FIFO") }
            await fleet.mark(instance, of: task, idle: false)
        } endStep: { task, instance in
            let path = "\(folder)/\(instance).step"
            await fleet.mark(instance, of: task, idle: true)
            if try await fleet.status(of: task).desired < instances(task).count {
                // The replica opens it when it is told to stop: until then this blocks.
                await NamedThread.run("step") { try? Files.write([10], to: path) }
            } else {
                try Files.remove(path)
            }
        }
    }
}
