import DequeModule
import MillraceCore
import MillracePorts

/// What a member knows and holds between its reading thread, which fills it, and its caller, who takes from it.
struct MemberState {
    /// The most records that wait to be taken; reading stops above it. Some 1 MB of messages.
    static let recordLimit = 1024

    private var events: Deque<MemberEvent> = []
    private var records: Deque<BusRecord> = []
    private(set) var owned: Set<Int> = []
    private(set) var releasing: Set<Int> = []
    /// The next offset to be read from the file, of each partition that is being read.
    private(set) var positions: [Int: Int64] = [:]
    /// Grows when positions are set by someone else than the reading thread: what it read meanwhile is dropped.
    private(set) var epoch = 0
    var failure: BusError?
    var isClosed = false
    var isInterrupted = false
    var waiter: (limit: Int, continuation: CheckedContinuation<Result<MemberEvent, BusError>, Never>)?

    var room: Int { max(0, Self.recordLimit - records.count) }

    /// The next thing for the caller, if there is any.
    mutating func take(limit: Int) -> Result<MemberEvent, BusError>? {
        if isInterrupted {
            isInterrupted = false
            return .success(.idle)
        }
        if let event = events.popFirst() { return .success(event) }
        if !records.isEmpty {
            let taken = Array(records.prefix(max(1, limit)))
            records.removeFirst(taken.count)
            return .success(.records(taken))
        }
        if let failure { return .failure(failure) }
        return nil
    }

    /// Partitions that have come; `positions` where the member reads from committed offsets.
    mutating func assign(_ partitions: Set<Int>, positions: [Int: Int64]) {
        owned.formUnion(partitions)
        releasing.subtract(partitions)
        self.positions.merge(positions) { _, new in new }
        epoch += 1
        events.append(.assigned(partitions))
    }

    mutating func seek(_ offsets: [Int: Int64]) {
        positions.merge(offsets.filter { owned.contains($0.key) }) { _, new in new }
        records.removeAll { offsets.keys.contains($0.partition) }
        epoch += 1
    }

    mutating func startReleasing(_ partitions: Set<Int>) {
        let new = partitions.subtracting(releasing).intersection(owned)
        guard !new.isEmpty else { return }
        releasing.formUnion(new)
        stopReading(new)
        events.append(.releasing(new))
    }

    mutating func released(_ partitions: Set<Int>) {
        owned.subtract(partitions)
        releasing.subtract(partitions)
        stopReading(partitions)
    }

    mutating func lose(_ partitions: Set<Int>) {
        let lost = partitions.intersection(owned)
        guard !lost.isEmpty else { return }
        released(lost)
        events.append(.lost(lost))
    }

    /// Takes what the reading thread has read, unless positions were set meanwhile.
    mutating func deliver(_ read: [BusRecord], positions: [Int: Int64], epoch: Int) {
        guard epoch == self.epoch else { return }
        self.positions = positions
        records.append(contentsOf: read)
    }

    private mutating func stopReading(_ partitions: Set<Int>) {
        for partition in partitions { positions[partition] = nil }
        records.removeAll { partitions.contains($0.partition) }
        epoch += 1
    }
}
