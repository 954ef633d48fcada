@testable import MillraceCore

/// Processes as the kernel would have them, which throws at whatever a fleet must never ask for.
struct ReplicaModel {
    struct Impossible: Error, CustomStringConvertible {
        var description: String
    }

    private struct Process {
        var isReady = false
        var isBusy = false
        var toldAt: Duration?
        var isKilled = false
    }

    private static let grace = Duration.seconds(40)

    private let seed: UInt64
    private var random: SplitMix
    private var set = ReplicaSet(settings: ReplicaSet.Settings(gracePeriod: grace))
    private var processes: [ReplicaSet.ID: Process] = [:]
    private var spawned: Set<ReplicaSet.ID> = []
    private var desired = 0
    private var now = Duration.zero

    init(seed: UInt64) {
        self.seed = seed
        random = SplitMix(state: seed)
    }

    mutating func step() throws {
        switch Int.random(in: 0..<10, using: &random) {
        case 0, 1:
            let before = set
            desired = Int.random(in: 0...6, using: &random)
            try perform(set.scale(to: desired, now: now), goingDownFrom: before)
        case 2, 3: pick { !$0.isReady && $0.toldAt == nil }.map { ready($0) }
        case 4:
            pick { $0.isReady }.map { id in
                processes[id]?.isBusy.toggle()
                set.mark(id, idle: processes[id]?.isBusy == false)
            }
        case 5, 6: try pick { _ in true }.map { try end($0) }
        default:
            // Sometimes to the moment that it asks for, sometimes somewhere.
            let asked = set.nextLook.map { max($0 - now, .zero) }
            let wait = Duration.milliseconds(Int.random(in: 0...3000, using: &random))
            now += Bool.random(using: &random) ? asked ?? wait : wait
            try perform(set.tick(now: now))
            try perform(set.tick(now: now), mustBeNone: true)
        }
        try check()
    }

    /// Left alone, with replicas that get ready and stop, it comes to what was desired.
    mutating func settle() throws {
        for _ in 0..<100 {
            for id in processes.keys.sorted() {
                guard let process = processes[id] else { continue }
                if process.toldAt != nil {
                    try end(id)
                } else if !process.isReady {
                    ready(id)
                }
            }
            guard let next = set.nextLook, processes.count != desired || !processes.values.allSatisfy(\.isReady) else {
                break
            }
            now = max(now, next)
            try perform(set.tick(now: now))
        }
        let wanted = ReplicaSet.Summary(desired: desired, ready: desired, existing: desired, trouble: nil)
        guard set.summary == wanted else { throw impossible("it settled at \(set.summary), not \(wanted)") }
    }

    private mutating func ready(_ id: ReplicaSet.ID) {
        processes[id]?.isReady = true
        set.ready(id)
    }

    private mutating func end(_ id: ReplicaSet.ID) throws {
        processes[id] = nil
        let end: ReplicaSet.End =
            Bool.random(using: &random) ? .success : .failure(what: "exited with status 1", detail: nil)
        try perform(set.ended(id, end, now: now))
    }

    private mutating func perform(
        _ commands: [ReplicaSet.Command], goingDownFrom before: ReplicaSet? = nil, mustBeNone: Bool = false
    ) throws {
        if mustBeNone, !commands.isEmpty { throw impossible("the same moment brought \(commands) again") }
        for command in commands {
            switch command {
            case .spawn(let id):
                guard spawned.insert(id).inserted else { throw impossible("\(id) was started twice") }
                processes[id] = Process()
            case .terminate(let id):
                guard before != nil, let process = processes[id], process.toldAt == nil else {
                    throw impossible("\(id) was told to stop without need")
                }
                // One with a step goes only when none without a step is left.
                let isSpared = processes.values.contains { $0.toldAt == nil && !$0.isBusy }
                if process.isBusy, isSpared { throw impossible("\(id) has a step and went before an idle one") }
                processes[id]?.toldAt = now
            case .kill(let id):
                guard let process = processes[id], let toldAt = process.toldAt, !process.isKilled else {
                    throw impossible("\(id) was killed without being told, or twice")
                }
                guard now - toldAt >= Self.grace else { throw impossible("\(id) was killed before its time") }
                processes[id]?.isKilled = true
            }
        }
    }

    private func check() throws {
        let living = processes.values.filter { $0.toldAt == nil }
        let found = set.summary
        guard found.desired == desired, found.existing == processes.count, living.count <= desired,
            found.ready == living.count(where: \.isReady)
        else { throw impossible("it says \(found); there are \(processes)") }
        if living.count < desired, set.nextLook == nil { throw impossible("a replica is missing and nothing is due") }
        let overdue = processes.values.contains { process in
            process.toldAt.map { !process.isKilled && set.nextLook ?? .seconds(1 << 40) > $0 + Self.grace } ?? false
        }
        if overdue { throw impossible("the end of a grace period is not looked at") }
    }

    private mutating func pick(_ isWanted: (Process) -> Bool) -> ReplicaSet.ID? {
        processes.filter { isWanted($0.value) }.keys.sorted().randomElement(using: &random)
    }

    private func impossible(_ what: String) -> Impossible {
        Impossible(description: "seed \(seed), at \(now): \(what)")
    }
}

/// A generator whose numbers depend on its seed only (Steele, Lea and Flood 2014).
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
