public import MillraceCore
internal import Platform

/// What replicas are, as processes of this machine.
public struct ProcessFleetSettings: Sendable {
    /// The tasks that the fleet knows, and how long a replica of each may take to finish its step when told to stop.
    public var gracePeriods: [TaskName: Duration]
    /// The program of every replica; looked up in `PATH` if it has no slash.
    public var executable: String
    /// Its arguments for a task and the name of an instance.
    public var arguments: @Sendable (TaskName, String) -> [String]
    /// Its environment; `MILLRACE_INSTANCE`, `MILLRACE_LIFELINE` and `MILLRACE_READY` are added.
    public var environment: [String: String]
    /// This process's own if nil.
    public var workingDirectory: String?
    /// Where replicas' outputs go, a file for each of a task's replicas, `TASK.0.log`, `TASK.1.log` …; nil: to this
    /// process's standard error, and problems are told without a replica's last words.
    public var logFolder: String?

    public init(
        gracePeriods: [TaskName: Duration], executable: String,
        arguments: @escaping @Sendable (TaskName, String) -> [String], environment: [String: String]? = nil,
        workingDirectory: String? = nil, logFolder: String? = nil
    ) {
        self.gracePeriods = gracePeriods
        self.executable = executable
        self.arguments = arguments
        self.environment = environment ?? Launch.ownEnvironment
        self.workingDirectory = workingDirectory
        self.logFolder = logFolder
    }

    /// The variable that tells a replica its name.
    public static let instanceVariable = "MILLRACE_INSTANCE"
}
