/// A task as the configuration defines it.
public struct TaskDefinition: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// One that comes with Millrace, by its name.
        case builtin(String)
        /// An executable and its arguments.
        case command([String])
    }

    public var name: TaskName
    public var kind: Kind
    /// An order's own parameters come over these.
    public var parameters: [String: JSONValue]
    /// Of one attempt.
    public var timeout: Duration
    /// Further attempts after a temporary failure, in place.
    public var retries: Int
    public var scaling: ScalingSettings

    public init(
        name: TaskName, kind: Kind, parameters: [String: JSONValue] = [:], timeout: Duration = .seconds(600),
        retries: Int = 3, scaling: ScalingSettings = ScalingSettings()
    ) {
        self.name = name
        self.kind = kind
        self.parameters = parameters
        self.timeout = timeout
        self.retries = retries
        self.scaling = scaling
    }

    /// How long a replica that is told to stop may take: its step's timeout and half a minute.
    public var gracePeriod: Duration { timeout + .seconds(30) }
}
