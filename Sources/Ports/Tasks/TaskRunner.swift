public import MillraceCore

/// Runs one kind of task in this process or from it.
public protocol TaskRunner: Sendable {
    /// Whether a run leaves a file. Where it does not, the next step takes the same input, and nothing is kept of the
    /// run: repeating it costs less than remembering it.
    var leavesOutput: Bool { get }

    /// Checks parameters before any order with them is taken.
    /// - Throws: the parameter's name and what is wrong with it.
    func validate(_ parameters: [String: JSONValue]) throws(InvalidValue)

    /// Runs one attempt. A cancelled run ends soon and leaves no process behind.
    func run(_ request: TaskRequest) async throws(TaskError) -> TaskResult
}

public struct TaskRequest: Sendable {
    public var step: StepKey
    public var task: TaskName
    public var attempt: Int
    /// The task's parameters with the order's over them.
    public var parameters: [String: JSONValue]
    /// The input file's path.
    public var input: String
    /// An empty folder, the run's own, for its output and what it needs on the way.
    public var folder: String

    public init(
        step: StepKey, task: TaskName, attempt: Int, parameters: [String: JSONValue], input: String, folder: String
    ) {
        self.step = step
        self.task = task
        self.attempt = attempt
        self.parameters = parameters
        self.input = input
        self.folder = folder
    }
}

public struct TaskResult: Hashable, Sendable {
    /// The output file's name in the run's folder; nil when the input is passed on as it is.
    public var file: String?
    /// What processes that the run started have consumed, if it did; what this process consumed is not in it.
    public var children: RunTotals?

    public init(file: String?, children: RunTotals? = nil) {
        self.file = file
        self.children = children
    }
}

/// Why an attempt failed.
public struct TaskError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: Hashable, Sendable {
        /// Trying again may help.
        case temporary
        /// It will fail each time.
        case permanent
    }

    public var code: Code
    /// For people: becomes the order's reason.
    public var reason: String
    public var children: RunTotals?

    public init(_ code: Code, _ reason: String, children: RunTotals? = nil) {
        self.code = code
        self.reason = reason
        self.children = children
    }

    public var description: String { reason }
}
