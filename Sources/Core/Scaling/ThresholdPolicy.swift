/// The orders that require a task: those whose current step is the task's, and those that will come to it.
public struct Demand: Hashable, Sendable {
    public var running: Int
    public var upcoming: Int

    public init(running: Int = 0, upcoming: Int = 0) {
        self.running = running
        self.upcoming = upcoming
    }

    public var total: Int { running + upcoming }
}

/// So many replicas for so many orders, running and upcoming.
public enum ThresholdPolicy {
    /// Going down waits until the demand is a quarter below what going up asked for, so that a demand that moves about
    /// a threshold does not move the replicas.
    static let hysteresis = 0.75

    /// The replicas that the demand asks for, and why. Zero is not this policy's to choose: while a replica is there,
    /// the idle timer decides about the last one.
    public static func target(
        for demand: Demand, current: Int, settings: ScalingSettings
    ) -> (replicas: Int, reason: String) {
        let orders = "\(demand.running) running and \(demand.upcoming) upcoming orders"
        let upward = replicas(for: Double(demand.total), settings)
        let downward = replicas(for: Double(demand.total) / hysteresis, settings)
        let cap = Swift.min(settings.max, settings.maxPartitions)
        if upward > current {
            let target = Swift.min(upward, cap)
            let capped = target < upward ? ", capped at \(cap)" : ""
            return (target, "\(orders) at \(settings.ordersPerReplica) per replica ask for \(upward)\(capped)")
        }
        let target = Swift.min(cap, Swift.max(downward, demand.total == 0 ? Swift.min(current, 1) : 1, settings.min))
        if target < current {
            return (target, "\(orders) need no more than \(target) at \(settings.ordersPerReplica) per replica")
        }
        return (current, "\(orders) are served by \(current)")
    }

    private static func replicas(for orders: Double, _ settings: ScalingSettings) -> Int {
        Swift.max(settings.min, Int((orders / Double(settings.ordersPerReplica)).rounded(.up)))
    }
}
