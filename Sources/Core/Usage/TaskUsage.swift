/// What is known of a task from its finished steps: what one may expect of the next.
public struct TaskUsage: Hashable, Sendable {
    /// What is measured of each step, in the order in which people read it.
    public enum Quantity: String, CaseIterable, Hashable, Sendable {
        case waitingSeconds, durationSeconds, cpuSeconds, peakRAMBytes, diskReadBytes, diskWrittenBytes

        public func value(of totals: RunTotals) -> Double? {
            switch self {
            case .waitingSeconds: totals.waiting?.inSeconds
            case .durationSeconds: totals.running?.inSeconds
            case .cpuSeconds: totals.cpu?.inSeconds
            case .peakRAMBytes: totals.peakRAM.map(Double.init)
            case .diskReadBytes: totals.diskRead.map(Double.init)
            case .diskWrittenBytes: totals.diskWritten.map(Double.init)
            }
        }
    }

    /// Quantities that no step has are not in it.
    public private(set) var expected: [Quantity: Distribution] = [:]

    public init(_ totals: [RunTotals]) {
        for quantity in Quantity.allCases {
            expected[quantity] = Distribution(totals.compactMap(quantity.value))
        }
    }

    /// How far a step is from the median step; nil where one of both is not known.
    public func difference(_ quantity: Quantity, of totals: RunTotals) -> Double? {
        guard let value = quantity.value(of: totals), let expected = expected[quantity] else { return nil }
        return value - expected.median
    }
}
