/// Chooses where a task's steps are sent: to the replica with the fewest outstanding, and only while it has room.
///
/// A step that is sent is bound to its partition, and so to that partition's owner: sent early, it waits behind a slow
/// one while other replicas idle. So a replica is sent one step at a time, or, where steps take less time than a
/// message does, as many as it will do within ``ahead``.
public struct Dispatcher: Sendable {
    /// How much work may wait at a replica behind the step that it runs.
    public static let ahead: Duration = .milliseconds(20)
    static let maximumWindow = 256

    private var owners: [String: Set<Int>] = [:]
    /// Where each step that was sent and has not ended is.
    private var outstanding: [StepKey: Int] = [:]
    private var counts: [Int: Int] = [:]
    /// Exponentially weighted mean of the steps' durations, in seconds.
    private var meanSeconds: Double?

    public init() {}

    /// The most steps that a replica is sent before it ends one.
    public var window: Int {
        guard let meanSeconds else { return 1 }
        let fitting = Self.ahead.inSeconds / max(meanSeconds, 1e-6)
        return max(1, min(Self.maximumWindow, Int(min(fitting, 1e6))))
    }

    /// The steps that each owner has outstanding.
    public var loads: [String: Int] {
        owners.mapValues { partitions in partitions.reduce(0) { $0 + counts[$1, default: 0] } }
    }

    /// Takes what a replica says it owns; whoever owned those partitions before does no longer.
    public mutating func own(_ partitions: Set<Int>, by instance: String) {
        for (other, others) in owners where other != instance {
            let left = others.subtracting(partitions)
            owners[other] = left.isEmpty ? nil : left
        }
        owners[instance] = partitions.isEmpty ? nil : partitions
    }

    /// The partition for the next step, or nil while no replica has room.
    public func place() -> Int? {
        var best: (partition: Int, load: Int, own: Int)?
        for partitions in owners.values {
            let load = partitions.reduce(0) { $0 + counts[$1, default: 0] }
            guard load < window, load < best?.load ?? .max else { continue }
            guard let partition = partitions.min(by: { (counts[$0, default: 0], $0) < (counts[$1, default: 0], $1) })
            else { continue }
            best = (partition, load, counts[partition, default: 0])
        }
        return best?.partition
    }

    /// The partition with the fewest outstanding, room or not.
    public func placeAnywhere(of partitions: Int) -> Int {
        (0..<max(1, partitions)).min { counts[$0, default: 0] < counts[$1, default: 0] } ?? 0
    }

    public mutating func sent(_ step: StepKey, to partition: Int) {
        if let before = outstanding.updateValue(partition, forKey: step) { counts[before, default: 1] -= 1 }
        counts[partition, default: 0] += 1
    }

    /// - Parameter duration: how long it ran; nil when it was not run now.
    public mutating func ended(_ step: StepKey, after duration: Duration?) {
        guard let partition = outstanding.removeValue(forKey: step) else { return }
        counts[partition, default: 1] -= 1
        guard let seconds = duration?.inSeconds, seconds >= 0 else { return }
        meanSeconds = meanSeconds.map { $0 + (seconds - $0) * 0.1 } ?? seconds
    }
}
