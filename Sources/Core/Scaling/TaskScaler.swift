/// A change of a task's replicas, with its reason.
public struct ScalingDecision: Hashable, Sendable {
    public var task: TaskName
    public var from: Int
    public var to: Int
    public var reason: String
    public var at: Timestamp

    public init(task: TaskName, from: Int, to: Int, reason: String, at: Timestamp) {
        self.task = task
        self.from = from
        self.to = to
        self.reason = reason
        self.at = at
    }
}

/// Decides a task's replicas over time: what its policy asks for while orders require it, and the idle timer when none
/// does. The diagram is in `Documentation/States.md`.
public struct TaskScaler: Hashable, Sendable {
    public let task: TaskName
    public var settings: ScalingSettings
    public private(set) var desired: Int
    /// The SERVICE that says so.
    public private(set) var number: Int
    /// Since when nothing has required the task; nil while something does.
    public private(set) var idleSince: Timestamp?
    public private(set) var lastDecision: ScalingDecision?
    /// What the fleet last reported.
    public private(set) var instance: InstanceReport?
    private var askedAt: Timestamp?

    /// A SERVICE is repeated after this long without an INSTANCE that agrees.
    static let repeatAfter: Duration = .seconds(2)

    public init(task: TaskName, settings: ScalingSettings) {
        self.init(
            task: task, settings: settings, desired: 0, number: 0, idleSince: nil, lastDecision: nil, instance: nil)
    }

    /// As a store has kept it.
    public init(
        task: TaskName, settings: ScalingSettings, desired: Int, number: Int, idleSince: Timestamp?,
        lastDecision: ScalingDecision?, instance: InstanceReport?
    ) {
        self.task = task
        self.settings = settings
        self.desired = desired
        self.number = number
        self.idleSince = idleSince
        self.lastDecision = lastDecision
        self.instance = instance
    }

    /// Decides on what is required now. Calling it again at the same moment with the same demand changes nothing.
    public mutating func decide(_ demand: Demand, now: Timestamp) -> ScalingDecision? {
        if demand.total > 0 {
            idleSince = nil
        } else if idleSince == nil {
            idleSince = now
        }
        let (target, reason) = target(for: demand, now: now)
        guard target != desired else { return nil }
        let decision = ScalingDecision(task: task, from: desired, to: target, reason: reason, at: now)
        desired = target
        number += 1
        askedAt = nil
        lastDecision = decision
        return decision
    }

    private func target(for demand: Demand, now: Timestamp) -> (Int, String) {
        if demand.total == 0, let idleSince, now - idleSince >= settings.idleTimeout {
            return (settings.min, "no order has required it for \(settings.idleTimeout.inSeconds) s")
        }
        return ThresholdPolicy.target(for: demand, current: desired, settings: settings)
    }

    /// Takes what the fleet reports; one for an older SERVICE than was last seen is passed over. Number 0 is said by an
    /// orchestrator that has just begun and been asked for nothing yet: it will be asked again.
    /// - Returns: whether anything changed.
    public mutating func report(_ report: InstanceReport) -> Bool {
        guard report.number == 0 || report.number >= instance?.number ?? 0, report != instance else { return false }
        instance = report
        if report.number > number {
            // Asked for by whoever was before, whose numbers are not known here: the next one goes beyond them.
            number = report.number + 1
            askedAt = nil
        }
        return true
    }

    /// The SERVICE that is due now, if one is: after a decision at once, then again and again until the fleet agrees.
    public mutating func dueService(now: Timestamp) -> ServiceRequest? {
        guard number > 0, !isAgreed else { return nil }
        if let askedAt, now - askedAt < Self.repeatAfter, now >= askedAt { return nil }
        askedAt = now
        return ServiceRequest(
            task: task, replicas: desired, number: number, reason: lastDecision?.reason ?? "as decided before")
    }

    /// Whether the fleet has taken the wish.
    private var isAgreed: Bool { instance?.number == number }

    /// When to look again although nothing happens; nil when only an event can change anything.
    public func nextLook(now: Timestamp) -> Timestamp? {
        let idleEnd = desired > settings.min ? idleSince.map { $0 + settings.idleTimeout } : nil
        let nextAsk = number > 0 && !isAgreed ? (askedAt.map { $0 + Self.repeatAfter } ?? now) : nil
        return [idleEnd, nextAsk].compactMap { $0 }.min()
    }
}
