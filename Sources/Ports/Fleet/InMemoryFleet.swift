public import MillraceCore
internal import Synchronization

/// A fleet of mere numbers, for tests of what uses one: replicas are ready at once (or when told), busy ones that are
/// told to stop exist until they are marked idle, crashed ones are replaced at once.
public final class InMemoryFleet: Fleet {
    private struct Replica {
        var name: String
        var isReady: Bool
        var isIdle = true
        var isDraining = false
    }

    private struct State {
        var replicas: [TaskName: [Replica]] = [:]
        var desired: [TaskName: Int] = [:]
        var requests: [Request] = []
        var outage: FleetError?
        var isClosed = false
        var started = 0
        /// Those who wait for the last replica's end.
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    /// One call of `scale` that was taken.
    public struct Request: Hashable, Sendable {
        public var task: TaskName
        public var replicas: Int

        public init(task: TaskName, replicas: Int) {
            self.task = task
            self.replicas = replicas
        }
    }

    private let tasks: Set<TaskName>
    private let startsReady: Bool
    private let state = Mutex(State())
    private let feed = FleetChanges()

    /// - Parameters:
    ///   - tasks: those that it knows.
    ///   - startsReady: whether replicas are ready when they start; if not, ``makeReady(_:)`` makes them.
    public init(tasks: Set<TaskName>, startsReady: Bool = true) {
        self.tasks = tasks
        self.startsReady = startsReady
    }

    // MARK: Fleet

    public let isShared = false

    public func scale(_ task: TaskName, to replicas: Int) async throws(FleetError) {
        try state.withLock { (state) throws(FleetError) in
            let doing = "scaling \(task) to \(replicas)"
            try check(task, state, doing)
            guard !state.isClosed else { throw FleetError(.closed, doing) }
            state.requests.append(Request(task: task, replicas: replicas))
            state.desired[task] = max(0, replicas)
            settle(task, &state)
        }
    }

    public func status(of task: TaskName) async throws(FleetError) -> FleetStatus {
        try state.withLock { (state) throws(FleetError) in
            try check(task, state, "asking for the status of \(task)")
            return status(task, state)
        }
    }

    public func changes() -> AsyncStream<FleetStatus> { feed.stream() }

    public func mark(_ instance: String, of task: TaskName, idle: Bool) async {
        change(instance) { $0.isIdle = idle }
    }

    public func shutdown() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                state.isClosed = true
                for task in tasks {
                    state.desired[task] = 0
                    settle(task, &state)
                }
                let isOver = state.replicas.values.allSatisfy(\.isEmpty)
                if !isOver { state.waiting.append(continuation) }
                return isOver
            }
            if isOver {
                feed.finish()
                continuation.resume()
            }
        }
    }

    // MARK: For tests

    /// The replicas that exist, oldest first.
    public func instances(of task: TaskName) -> [String] {
        state.withLock { $0.replicas[task]?.map(\.name) ?? [] }
    }

    /// What was asked for so far.
    public var requests: [Request] { state.withLock(\.requests) }

    /// From now on every question and wish fails so; nil: no more.
    public func fail(with outage: FleetError?) {
        state.withLock { $0.outage = outage }
    }

    public func makeReady(_ instance: String) {
        change(instance) { $0.isReady = true }
    }

    /// Ends a replica as if it had crashed.
    public func crash(_ instance: String) {
        change(instance) { $0.name = "" }
    }

    // MARK: Rules

    private func check(_ task: TaskName, _ state: State, _ doing: String) throws(FleetError) {
        guard tasks.contains(task) else { throw FleetError(.unknownTask, doing) }
        if let outage = state.outage { throw outage }
    }

    private func change(_ instance: String, _ body: (inout Replica) -> Void) {
        let waiting = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            for (task, replicas) in state.replicas {
                guard let index = replicas.firstIndex(where: { $0.name == instance }) else { continue }
                body(&state.replicas[task, default: []][index])
                settle(task, &state)
            }
            guard state.isClosed, state.replicas.values.allSatisfy(\.isEmpty) else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        if !waiting.isEmpty { feed.finish() }
        for continuation in waiting { continuation.resume() }
    }

    /// Makes a task's replicas what is desired of them.
    private func settle(_ task: TaskName, _ state: inout State) {
        var replicas = state.replicas[task] ?? []
        // A nameless one has crashed.
        replicas.removeAll { $0.name.isEmpty }
        let desired = state.desired[task] ?? 0
        while replicas.count(where: { !$0.isDraining }) < desired {
            state.started += 1
            replicas.append(Replica(name: "\(task)-\(state.started)", isReady: startsReady))
        }
        while replicas.count(where: { !$0.isDraining }) > desired {
            // Idle ones first, the newest among equals.
            let last = replicas.lastIndex { !$0.isDraining && $0.isIdle } ?? replicas.lastIndex { !$0.isDraining }
            guard let last else { break }
            replicas[last].isDraining = true
        }
        replicas.removeAll { $0.isDraining && $0.isIdle }
        state.replicas[task] = replicas
        feed.publish(status(task, state))
    }

    private func status(_ task: TaskName, _ state: State) -> FleetStatus {
        let replicas = state.replicas[task] ?? []
        return FleetStatus(
            task: task, ready: replicas.count { $0.isReady && !$0.isDraining }, existing: replicas.count,
            desired: state.desired[task] ?? 0)
    }
}
