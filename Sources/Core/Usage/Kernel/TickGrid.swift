/// When ticks are due: `first + k · period`, whatever became of the ticks before. Times are microseconds of one clock.
public struct TickGrid: Hashable, Sendable {
    /// When the next tick is due.
    public private(set) var due: Int64
    public let period: Int64

    /// - Parameter period: at least a millisecond: what is asked for below that becomes one.
    public init(first: Int64, period: Int64) {
        due = first
        self.period = max(1000, period)
    }

    /// To the next tick, when this one is over: ticks whose whole period has passed by then are left out, and one whose
    /// period has begun comes late.
    public mutating func advance(now: Int64) {
        due += period * max(1, (now - due) / period)
    }
}
