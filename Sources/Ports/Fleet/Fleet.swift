public import MillraceCore

/// Replicas of tasks: child processes, or pods of a Deployment.
public protocol Fleet: Sendable {
    /// Whether whoever asks sees the same replicas: those of a cluster, not children of a process.
    var isShared: Bool { get }

    /// Asks for so many replicas of a task. Level-triggered: asking again for the same changes nothing.
    ///
    /// Scaling down never ends a running step: a surplus replica finishes it, commits, leaves and exits; idle ones
    /// go first where the fleet can choose. It returns when the wish is taken, not when it has come true.
    func scale(_ task: TaskName, to replicas: Int) async throws(FleetError)

    /// What there is of a task now.
    /// - Throws: `unavailable`: not knowing is not zero.
    func status(of task: TaskName) async throws(FleetError) -> FleetStatus

    /// Each task's status whenever it changes; only the latest of each task is kept for a slow reader. A reader begins
    /// with the latest of each task that has been scaled; after `shutdown` the stream ends.
    func changes() -> AsyncStream<FleetStatus>

    /// Tells which replicas are busy, for fleets that can choose whom to stop. Others ignore it.
    func mark(_ instance: String, of task: TaskName, idle: Bool) async

    /// Ends all replicas in the same way and waits until they are gone.
    func shutdown() async
}

public struct FleetStatus: Hashable, Sendable {
    public var task: TaskName
    /// Replicas that can take work.
    public var ready: Int
    /// Replicas that exist: ready, starting, or finishing their last step.
    public var existing: Int
    public var desired: Int
    /// Why it is not as desired, for people; nil while all goes well.
    public var problem: String?

    public init(task: TaskName, ready: Int, existing: Int, desired: Int, problem: String? = nil) {
        self.task = task
        self.ready = ready
        self.existing = existing
        self.desired = desired
        self.problem = problem
    }
}

public struct FleetError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: Hashable, Sendable {
        /// The fleet does not know the task.
        case unknownTask
        /// Not now: the same may work later.
        case unavailable
        /// Not allowed, with the right that is missing.
        case forbidden
        /// Someone else scales the task too.
        case contested
        /// The fleet has been shut down.
        case closed
    }

    public var code: Code
    public var doing: String
    public var cause: String?

    public init(_ code: Code, _ doing: String, cause: String? = nil) {
        self.code = code
        self.doing = doing
        self.cause = cause
    }

    public var description: String {
        "fleet \(code) while \(doing)" + (cause.map { ": \($0)" } ?? "")
    }
}
