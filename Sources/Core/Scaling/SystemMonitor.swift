/// All that monitor-system knows and decides, as one value: orders under way, the demand for each task, its replicas.
///
/// Events come in at-least-once, in any order. What changed is collected until it is taken and saved, together with
/// the offsets it was read from.
public struct SystemMonitor: Sendable {
    /// Orders that have not ended.
    private var orders: [OrderID: OrderProgress] = [:]
    /// Orders that ended lately: the last step's report comes after the order's end.
    private var lingering: [OrderID: OrderProgress] = [:]
    private var lingeringOrder: [OrderID] = []
    public private(set) var scalers: [TaskName: TaskScaler]
    public private(set) var demands: [TaskName: Demand] = [:]
    private var changes = MonitorChanges()
    /// Tasks whose demand or settings changed since the last decision.
    private var touched: Set<TaskName>

    public init(settings: [TaskName: ScalingSettings]) {
        scalers = [:]
        for (task, settings) in settings { scalers[task] = TaskScaler(task: task, settings: settings) }
        touched = Set(settings.keys)
    }

    /// Takes up what a store has kept.
    public mutating func restore(orders kept: [OrderProgress], scalers keptScalers: [KeptScaler]) {
        for scaler in keptScalers {
            guard let settings = scalers[scaler.task]?.settings else { continue }
            scalers[scaler.task] = scaler.scaler(settings: settings)
        }
        for order in kept where !order.state.hasEnded { replace(nil, with: order) }
        touched = Set(scalers.keys)
    }

    /// So many ended orders are kept at hand: more than one batch of messages can end.
    static let lingeringLimit = 2048

    public func knows(_ order: OrderID) -> Bool { orders[order] != nil || lingering[order] != nil }

    /// Takes one event. `lookUp` finds an order that is not under way here, as the store has it: ended, or not started.
    public mutating func apply(
        _ message: SystemMessage, lookUp: (OrderID) throws -> OrderProgress?
    ) rethrows {
        if case .instance(let report) = message {
            if scalers[report.task]?.report(report) == true { changes.tasks.insert(report.task) }
            return
        }
        guard let id = message.order else { return }
        let before = orders[id]
        let known = try before ?? lingering[id] ?? lookUp(id)
        // An order that the store does not have was never accepted here: the bus is older or newer than the store.
        guard var order = known else { return }
        guard order.apply(message, changes: &changes) else { return }
        changes.orders[id] = order
        replace(before, with: order)
    }

    /// Decides for every task whose demand changed or whose timer is due, and returns the SERVICEs to be sent.
    public mutating func decide(now: Timestamp) -> [ServiceRequest] {
        for task in touched.union(
            scalers.values.filter { ($0.nextLook(now: now) ?? .distantFuture) <= now }.map(\.task))
        {
            guard var scaler = scalers[task] else { continue }
            let idleSince = scaler.idleSince
            if let decision = scaler.decide(demands[task] ?? Demand(), now: now) {
                changes.decisions.append(decision)
                changes.tasks.insert(task)
            }
            if scaler.idleSince != idleSince { changes.tasks.insert(task) }
            scalers[task] = scaler
        }
        changes.tasks.formUnion(touched)
        touched = []
        return scalers.keys.sorted().compactMap { scalers[$0]?.dueService(now: now) }
    }

    public func nextLook(now: Timestamp) -> Timestamp? {
        touched.isEmpty ? scalers.values.compactMap { $0.nextLook(now: now) }.min() : now
    }

    /// What is to be saved since it was last taken.
    public mutating func takeChanges() -> MonitorChanges {
        defer { changes = MonitorChanges() }
        return changes
    }

    private mutating func replace(_ before: OrderProgress?, with after: OrderProgress) {
        if let before { count(before, -1) }
        guard after.state.hasEnded else {
            orders[after.id] = after
            return count(after, 1)
        }
        orders[after.id] = nil
        if lingering.updateValue(after, forKey: after.id) == nil { lingeringOrder.append(after.id) }
        if lingeringOrder.count > 2 * Self.lingeringLimit {
            for id in lingeringOrder.prefix(Self.lingeringLimit) { lingering[id] = nil }
            lingeringOrder.removeFirst(Self.lingeringLimit)
        }
    }

    /// Adds the order to, or takes it from, the demand of each task that it still requires: once, however often the
    /// task occurs; as running if its current step is the task's.
    private mutating func count(_ order: OrderProgress, _ sign: Int) {
        guard let current = order.currentStep else { return }
        var seen: [TaskName] = []
        for index in current..<order.steps.count where !order.steps[index].state.hasEnded {
            let task = order.steps[index].task
            guard !seen.contains(task) else { continue }
            seen.append(task)
            if index == current {
                demands[task, default: Demand()].running += sign
            } else {
                demands[task, default: Demand()].upcoming += sign
            }
            touched.insert(task)
        }
    }
}

/// What monitor-system has to save.
public struct MonitorChanges: Sendable {
    public var orders: [OrderID: OrderProgress] = [:]
    /// The steps among them that changed, by index.
    public var steps: [OrderID: Set<Int>] = [:]
    /// Tasks whose demand, replicas or timer changed.
    public var tasks: Set<TaskName> = []
    public var decisions: [ScalingDecision] = []

    public init() {}

    public var isEmpty: Bool { orders.isEmpty && tasks.isEmpty && decisions.isEmpty }
}

/// What a store keeps of a ``TaskScaler``.
public struct KeptScaler: Hashable, Sendable {
    public var task: TaskName
    public var demand: Demand
    public var desired: Int
    public var number: Int
    public var idleSince: Timestamp?
    public var lastDecision: ScalingDecision?
    public var instance: InstanceReport?

    public init(
        task: TaskName, demand: Demand, desired: Int, number: Int, idleSince: Timestamp? = nil,
        lastDecision: ScalingDecision? = nil, instance: InstanceReport? = nil
    ) {
        self.task = task
        self.demand = demand
        self.desired = desired
        self.number = number
        self.idleSince = idleSince
        self.lastDecision = lastDecision
        self.instance = instance
    }

    public init(_ scaler: TaskScaler, demand: Demand) {
        self.init(
            task: scaler.task, demand: demand, desired: scaler.desired, number: scaler.number,
            idleSince: scaler.idleSince, lastDecision: scaler.lastDecision, instance: scaler.instance)
    }

    func scaler(settings: ScalingSettings) -> TaskScaler {
        TaskScaler(
            task: task, settings: settings, desired: desired, number: number, idleSince: idleSince,
            lastDecision: lastDecision, instance: instance)
    }
}

extension OrderProgress {
    /// - Returns: whether it changed; the steps that did are noted in `changes`.
    mutating func apply(_ message: SystemMessage, changes: inout MonitorChanges) -> Bool {
        let before = steps
        let changed: Bool
        switch message {
        case .orderStarted(_, _, let at): changed = start(at: at)
        case .orderEnded(_, let end, let at): changed = self.end(end, at: at)
        case .stepStarted(let start):
            changed = startStep(start.step.index, run: start.run, instance: start.instance, at: start.at)
        case .stepEnded(let end): changed = endStep(end.step.index, end.report)
        case .instance: return false
        }
        guard changed else { return false }
        for index in steps.indices where steps[index] != before[index] { changes.steps[id, default: []].insert(index) }
        return true
    }
}

extension Timestamp {
    static var distantFuture: Timestamp { Timestamp(microseconds: .max) }
}
