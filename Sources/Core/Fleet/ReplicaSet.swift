/// Decides which of a task's replicas are started, told to stop, and killed, as a fleet of processes needs it.
///
/// A wished-for replica is a *place*. A place holds a replica, or waits for its next try after a failure; how often it
/// has failed in a row belongs to the place, so that one replica that always crashes does not slow its siblings down. A
/// replica that was told to stop has left its place: it finishes its step, and counts as existing only.
///
///     (empty) ──spawn──▶ starting ──ready──▶ ready        told to stop: ▶ draining ──grace period──▶ killed
///        ▲                  └──────ended──────┘                              └────────ended────────────┴──▶ gone
///        └── waiting ◀── failed: back-off ──┘
///
/// Times are durations since any fixed moment, on a clock that never jumps. What is returned is to be performed in its
/// order.
public struct ReplicaSet: Hashable, Sendable {
    public struct Settings: Hashable, Sendable {
        /// From being told to stop to being killed.
        public var gracePeriod: Duration
        /// Before the next try after one failure; doubles with each further one, up to `longestDelay`.
        public var firstDelay: Duration = .milliseconds(100)
        public var longestDelay: Duration = .seconds(10)
        /// A replica that has lived so long is sound: failures before it are forgotten.
        public var soundAfter: Duration = .seconds(10)

        public init(gracePeriod: Duration) {
            self.gracePeriod = gracePeriod
        }
    }

    /// A replica, numbered in the order of the starts, never twice.
    public typealias ID = Int

    public enum Command: Hashable, Sendable {
        case spawn(ID)
        /// Tell it to finish its step and exit.
        case terminate(ID)
        /// End it at once: its grace period is over.
        case kill(ID)
    }

    /// How a replica ended.
    public enum End: Hashable, Sendable {
        case success
        /// `what` as in `exited with status 1`; `detail`, such as the last line that it wrote.
        case failure(what: String, detail: String?)
    }

    enum Phase: Hashable, Sendable {
        case starting
        case ready(isIdle: Bool)
    }

    struct Replica: Hashable, Sendable {
        var id: ID
        var startedAt: Duration
        var phase: Phase
    }

    struct Place: Hashable, Sendable {
        enum Content: Hashable, Sendable {
            case replica(Replica)
            case waiting(until: Duration)
        }

        var content: Content
        /// Failures in a row, and the last of them.
        var failures = 0
        var last: End?
    }

    public var settings: Settings
    private(set) var places: [Place] = []
    /// When each replica that was told to stop is killed; nil: it has been.
    private(set) var draining: [ID: Duration?] = [:]
    private var nextID = 0

    public init(settings: Settings) {
        self.settings = settings
    }

    public var desired: Int { places.count }

    /// Whether the replica was told to stop, and has not ended.
    public func isDraining(_ id: ID) -> Bool { draining[id] != nil }

    // MARK: Events

    /// Asks for so many replicas; below zero counts as zero.
    public mutating func scale(to replicas: Int, now: Duration) -> [Command] {
        var commands: [Command] = []
        while places.count < replicas {
            places.append(Place(content: .waiting(until: now)))
        }
        while places.count > max(0, replicas), let place = places.indices.min(by: { goesBefore($0, $1) }) {
            if case .replica(let replica) = places.remove(at: place).content {
                draining[replica.id] = .some(now + settings.gracePeriod)
                commands.append(.terminate(replica.id))
            }
        }
        return commands + tick(now: now)
    }

    /// The replica can take work.
    public mutating func ready(_ id: ID) {
        change(id) { if $0.phase == .starting { $0.phase = .ready(isIdle: true) } }
    }

    /// The replica has a step, or has none.
    public mutating func mark(_ id: ID, idle: Bool) {
        change(id) { if case .ready = $0.phase { $0.phase = .ready(isIdle: idle) } }
    }

    /// The replica is gone, or could not be started.
    public mutating func ended(_ id: ID, _ end: End, now: Duration) -> [Command] {
        if draining.removeValue(forKey: id) == nil, let index = place(of: id),
            case .replica(let replica) = places[index].content
        {
            places[index] = successor(of: replica, in: places[index], end, now: now)
        }
        return tick(now: now)
    }

    /// Does what is due. Calling it again at the same moment changes nothing.
    public mutating func tick(now: Duration) -> [Command] {
        var commands: [Command] = []
        for index in places.indices {
            switch places[index].content {
            case .waiting(let until) where until <= now:
                places[index].content = .replica(Replica(id: nextID, startedAt: now, phase: .starting))
                commands.append(.spawn(nextID))
                nextID += 1
            case .replica(let replica) where now - replica.startedAt >= settings.soundAfter:
                places[index].failures = 0
                places[index].last = nil
            default: break
            }
        }
        for case (let id, let killAt?) in draining.sorted(by: { $0.key < $1.key }) where killAt <= now {
            draining[id] = .some(nil)
            commands.append(.kill(id))
        }
        return commands
    }

    /// Kills whatever there is, without grace; nothing is desired any more.
    public mutating func killAll(now: Duration) -> [Command] {
        let terminations = scale(to: 0, now: now)
        let kills = draining.filter { $0.value != nil }.keys.sorted()
        for id in kills { draining[id] = .some(nil) }
        return terminations + kills.map(Command.kill)
    }

    /// When to `tick` although nothing happens; nil when only an event can change anything.
    public var nextLook: Duration? {
        let ofPlaces = places.compactMap { place -> Duration? in
            switch place.content {
            case .waiting(let until): until
            case .replica(let replica): place.failures > 0 ? replica.startedAt + settings.soundAfter : nil
            }
        }
        return (ofPlaces + draining.values.compactMap { $0 }).min()
    }

    // MARK: Rules

    /// What takes an ended replica's place.
    private func successor(of replica: Replica, in place: Place, _ end: End, now: Duration) -> Place {
        let wasSound = now - replica.startedAt >= settings.soundAfter
        switch end {
        case .success:
            // No failure, hence no penalty; but a program that does nothing but exit must not be started without pause.
            return Place(
                content: .waiting(until: max(now, replica.startedAt + settings.firstDelay)),
                failures: wasSound ? 0 : place.failures, last: wasSound ? nil : place.last)
        case .failure:
            let failures = (wasSound ? 0 : place.failures) + 1
            return Place(content: .waiting(until: now + delay(after: failures)), failures: failures, last: end)
        }
    }

    private func delay(after failures: Int) -> Duration {
        var delay = settings.firstDelay
        for _ in 1..<max(failures, 1) where delay < settings.longestDelay { delay = delay * 2 }
        return min(delay, settings.longestDelay)
    }

    /// Who goes first when there are too many: what is not there yet, then whoever has no step; the newest among equals.
    private func goesBefore(_ a: Int, _ b: Int) -> Bool {
        func rank(_ place: Place) -> (Int, Int) {
            switch place.content {
            case .waiting: return (0, 0)
            case .replica(let replica):
                switch replica.phase {
                case .starting: return (1, -replica.id)
                case .ready(isIdle: true): return (2, -replica.id)
                case .ready(isIdle: false): return (3, -replica.id)
                }
            }
        }
        return rank(places[a]) < rank(places[b])
    }

    private func place(of id: ID) -> Int? {
        places.firstIndex { if case .replica(let replica) = $0.content { replica.id == id } else { false } }
    }

    private mutating func change(_ id: ID, _ body: (inout Replica) -> Void) {
        guard let index = place(of: id), case .replica(var replica) = places[index].content else { return }
        body(&replica)
        places[index].content = .replica(replica)
    }
}
