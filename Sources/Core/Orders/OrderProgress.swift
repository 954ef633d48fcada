/// How far an order has come, as monitor-system knows it. Events may come in any order and repeatedly: it only moves
/// forward. The diagram is in `Documentation/States.md`.
public struct OrderProgress: Hashable, Sendable {
    public private(set) var id: OrderID
    public private(set) var state: OrderState
    public private(set) var reason: String?
    public private(set) var startedAt: Timestamp?
    public private(set) var finishedAt: Timestamp?
    public private(set) var steps: [StepProgress]

    public init(id: OrderID, tasks: [TaskName]) {
        self.init(id: id, state: .accepted, steps: tasks.map(StepProgress.init(task:)))
    }

    /// As a store has kept it.
    public init(
        id: OrderID, state: OrderState, reason: String? = nil, startedAt: Timestamp? = nil,
        finishedAt: Timestamp? = nil, steps: [StepProgress]
    ) {
        self.id = id
        self.state = state
        self.reason = reason
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.steps = steps
    }

    /// - Returns: whether anything changed, here and for the other events.
    public mutating func start(at time: Timestamp) -> Bool {
        guard state == .accepted else { return false }
        state = .running
        startedAt = time
        return true
    }

    public mutating func startStep(_ index: Int, run: RunID, instance: String, at time: Timestamp) -> Bool {
        guard steps.indices.contains(index), !state.hasEnded else { return false }
        let hasStarted = start(at: time)
        return steps[index].start(run: run, instance: instance, at: time) || hasStarted
    }

    public mutating func endStep(_ index: Int, _ report: RunReport) -> Bool {
        guard steps.indices.contains(index) else { return false }
        let hasStarted = start(at: report.startedAt)
        let hasEnded = steps[index].end(report)
        return hasEnded || hasStarted
    }

    public mutating func end(_ end: OrderEnd, at time: Timestamp) -> Bool {
        guard !state.hasEnded else { return false }
        state = end.state
        reason = end.reason
        finishedAt = time
        if startedAt == nil { startedAt = time }
        for index in steps.indices {
            switch end {
            case .finished: break
            case .failed(let reason), .cancelled(let reason): steps[index].close(reason: reason)
            }
        }
        return true
    }

    /// The step that is running or would be next; nil when all have ended.
    public var currentStep: Int? { steps.firstIndex { !$0.state.hasEnded } }
}

/// How far a step has come.
public struct StepProgress: Hashable, Sendable {
    public var task: TaskName
    public var state: StepState
    /// Runs and retries so far; 0 before the first.
    public var attempt: Int
    public var run: RunID?
    public var instance: String?
    public var startedAt: Timestamp?
    public var finishedAt: Timestamp?
    public var output: ImageReference?
    public var reason: String?
    public var totals: RunTotals

    public init(task: TaskName) {
        self.init(task: task, state: .pending)
    }

    public init(
        task: TaskName, state: StepState, attempt: Int = 0, run: RunID? = nil, instance: String? = nil,
        startedAt: Timestamp? = nil, finishedAt: Timestamp? = nil, output: ImageReference? = nil,
        reason: String? = nil, totals: RunTotals = RunTotals()
    ) {
        self.task = task
        self.state = state
        self.attempt = attempt
        self.run = run
        self.instance = instance
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.output = output
        self.reason = reason
        self.totals = totals
    }

    mutating func start(run: RunID, instance: String, at time: Timestamp) -> Bool {
        guard !state.hasEnded, self.run != run else { return false }
        state = .running
        self.run = run
        self.instance = instance
        startedAt = time
        attempt += 1
        return true
    }

    /// The first report stands: whoever ran the step again found that one and told the same. It may come after the
    /// order's end, which the worker tells before.
    mutating func end(_ report: RunReport) -> Bool {
        guard finishedAt == nil else { return false }
        switch report.outcome {
        case .finished(let output):
            state = .finished
            self.output = output
        case .failed(let reason):
            state = .failed
            self.reason = reason
        }
        run = report.run
        attempt = max(attempt, report.attempt)
        instance = report.instance
        startedAt = report.startedAt
        finishedAt = report.finishedAt
        totals = report.totals
        return true
    }

    /// The order ended before this step's report came; whether and when the step ended is not known then.
    mutating func close(reason: String) {
        switch state {
        case .pending: state = .skipped
        case .running:
            state = .failed
            self.reason = reason
        case .finished, .failed, .skipped: break
        }
    }
}
