/// A value over an interval that ends at a moment.
public struct UsagePoint: Hashable, Sendable {
    public var at: Timestamp
    /// The interval's length.
    public var seconds: Double
    public var value: Double
    /// The least and the largest of what the value stands for: itself, or many that became one.
    public var low: Double
    public var high: Double

    public init(at: Timestamp, seconds: Double, value: Double, low: Double? = nil, high: Double? = nil) {
        self.at = at
        self.seconds = seconds
        self.value = value
        self.low = low ?? value
        self.high = high ?? value
    }
}
