import DequeModule
import MillracePorts

/// What a member knows, between its thread and its caller.
struct MemberState {
    private var events: Deque<MemberEvent> = []
    private(set) var owned: Set<Int> = []
    private(set) var releasing: Set<Int> = []
    private var failure: BusError?
    private var isInterrupted = false

    /// The partitions whose records may be handed out.
    var readable: Set<Int> { releasing.isEmpty ? owned : owned.subtracting(releasing) }

    mutating func interrupt() { isInterrupted = true }

    /// The next thing for the caller that is not a record, if there is any.
    mutating func take() -> Result<MemberEvent, BusError>? {
        if isInterrupted {
            isInterrupted = false
            return .success(.idle)
        }
        if let event = events.popFirst() { return .success(event) }
        if let failure { return .failure(failure) }
        return nil
    }

    mutating func assign(_ partitions: Set<Int>) {
        let new = partitions.subtracting(owned)
        guard !new.isEmpty else { return }
        owned.formUnion(new)
        events.append(.assigned(new))
    }

    mutating func startReleasing(_ partitions: Set<Int>) {
        let new = partitions.intersection(owned).subtracting(releasing)
        guard !new.isEmpty else { return }
        releasing.formUnion(new)
        events.append(.releasing(new))
    }

    /// The caller has given them up.
    mutating func release(_ partitions: Set<Int>) {
        owned.subtract(partitions)
        releasing.subtract(partitions)
    }

    /// They were taken away.
    mutating func lose(_ partitions: Set<Int>) {
        let lost = partitions.intersection(owned)
        guard !lost.isEmpty else { return }
        release(lost)
        events.append(.lost(lost))
    }

    /// Nothing comes after what is there already. The first reason is told.
    mutating func fail(_ error: BusError) {
        if failure == nil { failure = error }
    }
}
