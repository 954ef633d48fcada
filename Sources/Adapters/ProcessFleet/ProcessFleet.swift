public import Logging
public import MillraceCore
public import MillracePorts
internal import Platform
internal import Synchronization

/// Replicas as child processes of this one.
///
/// Each is the leader of a process group of its own, holds the fleet's lifeline and is told its name. It says when it
/// can take work, and exits when it is told to stop, by SIGTERM, or when the lifeline ends. `ReplicaSet` decides; what
/// it asks for is done here, by whoever brings the event, and outside the lock. A thread stays with each replica.
///
/// ``run()`` does what is due at a time: without it nothing is tried again after a failure, nor killed.
public final class ProcessFleet: Fleet {
    struct State {
        var sets: [TaskName: ReplicaSet] = [:]
        var replicas: [TaskName: [ReplicaSet.ID: ReplicaProcess]] = [:]
        var names: Set<String> = []
        var logs: ReplicaLogs
        var isClosed = false
        var isRunning = false
        /// Those who wait for the last replica's end.
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    let settings: ProcessFleetSettings
    let logger: Logger
    let lifeline: Lifeline
    let state: Mutex<State>
    let feed = FleetChanges()
    private let wakeup = Wakeup()
    /// The time since the fleet was made, and a sleep until a later one.
    let now: @Sendable () -> Duration
    private let sleep: @Sendable (_ until: Duration) async throws -> Void

    /// - Parameter clock: of grace periods and back-offs.
    /// - Throws: `unavailable`, when the system has no descriptor left.
    public init(
        settings: ProcessFleetSettings, clock: some Clock<Duration> = ContinuousClock(), logger: Logger
    ) throws(FleetError) {
        self.settings = settings
        self.logger = logger
        do {
            lifeline = try Lifeline()
        } catch {
            throw FleetError(.unavailable, "starting the fleet", cause: "\(error)")
        }
        let start = clock.now
        now = { start.duration(to: clock.now) }
        sleep = { try await clock.sleep(until: start.advanced(by: $0), tolerance: nil) }
        var state = State(logs: ReplicaLogs(folder: settings.logFolder))
        for (task, gracePeriod) in settings.gracePeriods {
            state.sets[task] = ReplicaSet(settings: ReplicaSet.Settings(gracePeriod: gracePeriod))
        }
        self.state = Mutex(state)
    }

    // MARK: Fleet

    public let isShared = false

    public func scale(_ task: TaskName, to replicas: Int) async throws(FleetError) {
        let doing = "scaling \(task) to \(replicas)"
        let actions = try state.withLock { (state) throws(FleetError) in
            guard state.sets[task] != nil else { throw FleetError(.unknownTask, doing) }
            guard !state.isClosed else { throw FleetError(.closed, doing) }
            return change(task, &state) { $0.scale(to: replicas, now: now()) }
        }
        perform(actions)
    }

    public func status(of task: TaskName) async throws(FleetError) -> FleetStatus {
        try state.withLock { (state) throws(FleetError) in
            guard let set = state.sets[task] else {
                throw FleetError(.unknownTask, "asking for the status of \(task)")
            }
            return FleetStatus(task: task, set.summary, now: now())
        }
    }

    public func changes() -> AsyncStream<FleetStatus> { feed.stream() }

    public func mark(_ instance: String, of task: TaskName, idle: Bool) async {
        state.withLock { state in
            guard let replica = state.replicas[task]?.first(where: { $0.value.name == instance }) else { return }
            state.sets[task]?.mark(replica.key, idle: idle)
        }
    }

    /// Tells every replica to stop and waits until all are gone: at most the longest grace period, while ``run()`` runs.
    public func shutdown() async {
        close { set, now in set.scale(to: 0, now: now) }
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if !state.isOver { state.waiting.append(continuation) }
                return state.isOver
            }
            if isOver { continuation.resume() }
        }
        feed.finish()
    }

    // MARK: Time

    /// Does what is due at a time, until the fleet has been shut down. A cancelled run kills all replicas at once, and
    /// returns when they are gone. To be called once at a time.
    public func run() async {
        let isFirst = state.withLock { state in
            defer { state.isRunning = true }
            return !state.isRunning
        }
        precondition(isFirst, "a fleet's run() is called once at a time")
        while !Task.isCancelled {
            let (actions, next, isDone) = state.withLock { state in
                let actions = state.sets.keys.sorted().flatMap { task in
                    change(task, &state) { $0.tick(now: now()) }
                }
                return (actions, state.sets.values.compactMap(\.nextLook).min(), state.isClosed && state.isOver)
            }
            perform(actions)
            if isDone { break }
            await wait(until: next)
        }
        if Task.isCancelled {
            close { set, now in set.killAll(now: now) }
            await shutdown()
        }
        state.withLock { $0.isRunning = false }
    }

    private func wait(until time: Duration?) async {
        await withTaskGroup { group in
            group.addTask { await self.wakeup.wait() }
            // A sleep that is cancelled was only outrun by the other.
            if let time { group.addTask { try? await self.sleep(time) } }
            await group.next()
            group.cancelAll()
        }
    }

    private func close(_ end: (inout ReplicaSet, Duration) -> [ReplicaSet.Command]) {
        let actions = state.withLock { state in
            state.isClosed = true
            return state.sets.keys.sorted().flatMap { task in change(task, &state) { end(&$0, now()) } }
        }
        perform(actions)
        wakeup.call()
    }

    // MARK: Events

    /// Lets a task's set decide, and tells who watches if it has changed.
    /// - Returns: what is to be done outside the lock.
    func change(
        _ task: TaskName, _ state: inout State, _ decide: (inout ReplicaSet) -> [ReplicaSet.Command]
    ) -> [Action] {
        guard var set = state.sets[task] else { return [] }
        let (summary, nextLook) = (set.summary, set.nextLook)
        let actions = decide(&set).compactMap { action(for: $0, of: task, &state) }
        state.sets[task] = set
        // Here, under the lock, so that the last to be told is the last to have come.
        if set.summary != summary { feed.publish(FleetStatus(task: task, set.summary, now: now())) }
        if set.nextLook != nextLook { wakeup.call() }
        return actions
    }

    func finishIfOver() {
        let waiting = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            guard state.isClosed, state.isOver else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
        wakeup.call()
    }
}

extension ProcessFleet.State {
    /// Whether no replica is left, nor about to start.
    var isOver: Bool { replicas.values.allSatisfy(\.isEmpty) }
}

extension FleetStatus {
    init(task: TaskName, _ summary: ReplicaSet.Summary, now: Duration) {
        self.init(
            task: task, ready: summary.ready, existing: summary.existing, desired: summary.desired,
            problem: summary.trouble?.description(now: now))
    }
}
