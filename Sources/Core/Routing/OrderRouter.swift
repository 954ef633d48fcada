/// Sends every order from task to task: the orchestrator's knowledge and decisions, as one value.
///
/// Nothing of it is durable. After a restart it is rebuilt: the steps that were sent and have not ended are in the task
/// topics above what their groups have committed; the records of the `orchestrator` topic since the last commit say
/// what is to be sent. Only then does it begin to send, so that no step is sent twice that is still under way.
public struct OrderRouter: Sendable {
    public enum Action: Hashable, Sendable {
        /// Tell that an order has started.
        case announce(Order, trace: String?)
        /// Send a step to a partition of its task; the record is done when that is acknowledged.
        case send(StepMessage, partition: Int, trace: String?, doing: RecordPlace)
        /// Scale a task.
        case scale(ServiceRequest)
    }

    private struct Waiting {
        var place: RecordPlace
        var message: StepMessage
        var trace: String?
    }

    private struct Route {
        var step: Int
        /// The record that asked for the step, and the step, until it is sent.
        var waiting: Waiting?
    }

    private var routes: [OrderID: Route] = [:]
    private var dispatchers: [TaskName: Dispatcher] = [:]
    private var partitions: [TaskName: Int]
    /// Orders whose next step waits for a replica, by task, oldest first.
    private var queues: [TaskName: OrderQueue] = [:]
    private var waitingCount = 0
    private var tracker = OffsetTracker()
    private var isSending = false
    private var ended: RecentSet<OrderID>
    private let waitingLimit: Int

    /// - Parameters:
    ///   - partitions: of each task's topic.
    ///   - waitingLimit: the most steps that wait here for a replica; more are sent to wait in their topics.
    public init(partitions: [TaskName: Int], waitingLimit: Int = 100_000) {
        self.partitions = partitions
        self.waitingLimit = waitingLimit
        ended = RecentSet<OrderID>(limit: 10_000)
    }

    // MARK: Rebuilding

    /// A step that is in its topic above what the task's group has committed.
    public mutating func foundOutstanding(_ message: StepMessage, partition: Int) {
        dispatchers[message.call.name, default: Dispatcher()].sent(message.key, to: partition)
        if message.step >= routes[message.workOrder.id]?.step ?? 0 {
            routes[message.workOrder.id] = Route(step: message.step, waiting: nil)
        }
    }

    public mutating func found(_ group: [(instance: String, partitions: Set<Int>)], of task: TaskName) {
        for (instance, owned) in group { dispatchers[task, default: Dispatcher()].own(owned, by: instance) }
    }

    /// Everything that was there has been taken: sending begins.
    public mutating func begin() -> [Action] {
        isSending = true
        return queues.keys.sorted().flatMap { drain($0) }
    }

    // MARK: Events

    /// Takes a message from a place in the `orchestrator` topic.
    /// - Parameters:
    ///   - trace: the record's `traceparent`, which goes on with what is sent for it.
    ///   - publishedAt: when it came: an order waits for its first step from then on.
    public mutating func take(
        _ message: OrchestratorMessage, trace: String? = nil, at place: RecordPlace, publishedAt: Timestamp? = nil
    ) -> [Action] {
        tracker.take(place)
        switch message {
        case .start(let order): return start(order, trace, at: place, publishedAt: publishedAt)
        case .progress(let progress): return advance(progress, trace, at: place)
        case .service(let request):
            tracker.finish(place)
            return [.scale(request)]
        case .owner(let owner):
            tracker.finish(place)
            dispatchers[owner.task, default: Dispatcher()].own(Set(owner.partitions), by: owner.instance)
            return drain(owner.task)
        }
    }

    /// Takes a record that says nothing here, or that went to the dead letters.
    public mutating func skip(_ place: RecordPlace) {
        tracker.take(place)
        tracker.finish(place)
    }

    /// What was sent for the record is acknowledged.
    public mutating func acknowledged(_ place: RecordPlace) { tracker.finish(place) }

    /// The partitions of a task's topic, as far as they are known here.
    public func partitionCount(of task: TaskName) -> Int { partitions[task] ?? 0 }

    /// The replicas that own partitions of a task, and how many steps each has outstanding.
    public func loads(of task: TaskName) -> [String: Int] { dispatchers[task]?.loads ?? [:] }

    public mutating func grown(_ task: TaskName, to count: Int) {
        partitions[task] = max(partitions[task] ?? 0, count)
    }

    /// An order has ended elsewhere, by a message that could not be read.
    public mutating func forget(_ order: OrderID) {
        if let route = routes.removeValue(forKey: order), let waiting = route.waiting {
            waitingCount -= 1
            tracker.finish(waiting.place)
        }
        ended.insert(order)
    }

    public mutating func takeCommittable() -> [Int: Int64] { tracker.takeCommittable() }

    public func waiting(for task: TaskName) -> Int { queues[task]?.count ?? 0 }

    // MARK: Decisions

    private mutating func start(
        _ order: Order, _ trace: String?, at place: RecordPlace, publishedAt: Timestamp?
    ) -> [Action] {
        guard routes[order.id] == nil, !ended.contains(order.id) else {
            tracker.finish(place)
            return []
        }
        let message = StepMessage(order: order, step: 0, input: order.image, readyAt: publishedAt)
        return [.announce(order, trace: trace)] + want(Waiting(place: place, message: message, trace: trace))
    }

    private mutating func advance(
        _ progress: OrchestratorMessage.Progress, _ trace: String?, at place: RecordPlace
    ) -> [Action] {
        let order = progress.order
        let task = order.tasks[progress.step].name
        let report = progress.report
        dispatchers[task, default: Dispatcher()].ended(
            StepKey(order: order.id, index: progress.step), after: report.finishedAt - report.startedAt)
        var actions = drain(task)
        let next = progress.step + 1
        guard case .finished(let output) = report.outcome, next < order.tasks.count else {
            forget(order.id)
            tracker.finish(place)
            return actions
        }
        guard next > routes[order.id]?.step ?? -1, !ended.contains(order.id) else {
            tracker.finish(place)
            return actions
        }
        let message = StepMessage(order: order, step: next, input: output, readyAt: report.finishedAt)
        actions += want(Waiting(place: place, message: message, trace: trace))
        return actions
    }

    private mutating func want(_ wanted: Waiting) -> [Action] {
        let message = wanted.message
        let order = message.workOrder.id
        // While rebuilding, a later step of the order may be known before an earlier one was sent.
        if let before = routes[order]?.waiting {
            waitingCount -= 1
            tracker.finish(before.place)
        }
        routes[order] = Route(step: message.step, waiting: wanted)
        waitingCount += 1
        queues[message.call.name, default: OrderQueue()].append(order)
        return drain(message.call.name)
    }

    /// Sends what waits for a task as long as a replica has room.
    private mutating func drain(_ task: TaskName) -> [Action] {
        guard isSending else { return [] }
        var actions: [Action] = []
        while let order = queues[task]?.first {
            guard let route = routes[order], let waiting = route.waiting, waiting.message.call.name == task else {
                queues[task]?.removeFirst()
                continue
            }
            var dispatcher = dispatchers.removeValue(forKey: task) ?? Dispatcher()
            defer { dispatchers[task] = dispatcher }
            let isCrowded = waitingCount > waitingLimit
            guard
                let partition = dispatcher.place()
                    ?? (isCrowded ? dispatcher.placeAnywhere(of: partitions[task] ?? 1) : nil)
            else { break }
            queues[task]?.removeFirst()
            waitingCount -= 1
            dispatcher.sent(waiting.message.key, to: partition)
            routes[order] = Route(step: route.step, waiting: nil)
            actions.append(
                .send(waiting.message, partition: partition, trace: waiting.trace, doing: waiting.place))
        }
        return actions
    }
}

/// First in, first out, with both ends cheap.
private struct OrderQueue: Sendable {
    private var items: [OrderID] = []
    private var head = 0

    var count: Int { items.count - head }
    var first: OrderID? { head < items.count ? items[head] : nil }

    mutating func append(_ order: OrderID) { items.append(order) }

    mutating func removeFirst() {
        head += 1
        if head > 1024, head * 2 > items.count {
            items.removeFirst(head)
            head = 0
        }
    }
}
