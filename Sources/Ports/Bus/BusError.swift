/// Why the bus could not do what it was asked.
public struct BusError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: Hashable, Sendable {
        case unknownTopic
        case unknownPartition
        case offsetOutOfRange
        /// The group has gone on without this member.
        case fenced
        /// Not at all, by this adapter.
        case unsupported
        /// Not now: the same may work later.
        case unavailable
        /// The record is larger than the bus takes.
        case tooLarge
        /// The bus, or this handle of it, has been closed.
        case closed
        /// What is stored cannot be read.
        case corrupt
    }

    public var code: Code
    /// What was being done, and on what.
    public var doing: String
    /// What lies beneath.
    public var cause: String?

    public init(_ code: Code, _ doing: String, cause: String? = nil) {
        self.code = code
        self.doing = doing
        self.cause = cause
    }

    public var description: String {
        "bus \(code) while \(doing)" + (cause.map { ": \($0)" } ?? "")
    }
}
