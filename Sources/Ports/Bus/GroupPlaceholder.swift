/// Keeps a group from being empty, and takes no part in it.
public protocol GroupPlaceholder: Sendable {
    /// Lets the group be empty again.
    func leave() async
}

/// Where an empty group costs nothing.
struct NoPlaceholder: GroupPlaceholder {
    func leave() async {}
}

extension MessageBus {
    public func holdPlace(inGroup group: String, topic: String, name: String) async throws(BusError)
        -> any GroupPlaceholder
    { NoPlaceholder() }
}
