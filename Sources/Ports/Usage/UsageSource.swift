public import MillraceCore

/// Reads kernel counters of running targets on this node, at every tick of a clock that does not drift.
public protocol UsageSource: Sendable {
    /// Ticks until the task is cancelled.
    ///
    /// Both closures run on a thread of the source, one tick at a time, and must not block. A tick that comes late does
    /// not shift the next one; ticks that were missed altogether are left out.
    /// - Parameters:
    ///   - period: between two ticks.
    ///   - targets: asked at each tick for what is to be read. What it does not name any more is let go.
    ///   - deliver: given the readings of a tick.
    func run(
        every period: Duration, targets: @escaping @Sendable () -> [MeteringTarget],
        deliver: @escaping @Sendable (UsageTick) -> Void
    ) async
}

/// The readings of one tick.
public struct UsageTick: Sendable {
    /// When it was due and when it began, in microseconds since boot.
    public var due: Int64
    public var began: Int64
    public var readings: [(target: MeteringTarget, reading: Result<UsageReading, UsageSourceError>)]

    public init(
        due: Int64, began: Int64, readings: [(target: MeteringTarget, reading: Result<UsageReading, UsageSourceError>)]
    ) {
        self.due = due
        self.began = began
        self.readings = readings
    }
}

/// Why a target could not be read.
public struct UsageSourceError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: Hashable, Sendable {
        /// It has ended, or was never here: a process of another pid namespace looks like that too.
        case gone
        /// It is there, but nothing of it may be read.
        case denied
        /// Not now.
        case unavailable
    }

    public var code: Code
    /// For people.
    public var reason: String

    public init(_ code: Code, _ reason: String) {
        self.code = code
        self.reason = reason
    }

    public var description: String { reason }
}
