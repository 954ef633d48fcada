/// How a task's replicas follow its demand.
public struct ScalingSettings: Hashable, Sendable {
    public enum Policy: String, Hashable, Sendable, CaseIterable {
        /// Replicas in proportion to the orders that require the task.
        case threshold
    }

    public var policy: Policy
    public var ordersPerReplica: Int
    /// Kept even when nothing requires the task.
    public var min: Int
    public var max: Int
    /// From demand 0 to the last replica's end.
    public var idleTimeout: Duration
    /// A topic is not grown beyond so many partitions; replicas beyond the partitions would do nothing.
    public var maxPartitions: Int

    public init(
        policy: Policy = .threshold, ordersPerReplica: Int = 4, min: Int = 0, max: Int = 8,
        idleTimeout: Duration = .seconds(30), maxPartitions: Int = 64
    ) {
        self.policy = policy
        self.ordersPerReplica = ordersPerReplica
        self.min = min
        self.max = max
        self.idleTimeout = idleTimeout
        self.maxPartitions = maxPartitions
    }

    /// - Throws: the first field that cannot be meant.
    public func validate() throws(InvalidValue) {
        guard ordersPerReplica >= 1 else {
            throw InvalidValue(field: "ordersPerReplica", "must be at least 1, not \(ordersPerReplica)")
        }
        guard min >= 0 else { throw InvalidValue(field: "min", "must not be negative: \(min)") }
        guard max >= 1 else { throw InvalidValue(field: "max", "must be at least 1, not \(max)") }
        guard min <= max else { throw InvalidValue(field: "min", "must not be above max: \(min) > \(max)") }
        guard idleTimeout >= .zero else { throw InvalidValue(field: "idleTimeout", "must not be negative") }
        guard maxPartitions >= 1 else { throw InvalidValue(field: "maxPartitions", "must be at least 1") }
        guard max <= maxPartitions else {
            throw InvalidValue(field: "max", "must not be above maxPartitions: \(max) > \(maxPartitions)")
        }
    }
}
