import MillracePorts

/// How long to wait before trying again: twice as long each time, up to a limit, and at random below that, so that
/// those who failed together do not come back together.
public struct Backoff: Sendable {
    private let first: Duration
    private let limit: Duration
    private var next: Duration

    public init(first: Duration = .milliseconds(100), limit: Duration = .seconds(10)) {
        self.first = first
        self.limit = limit
        next = first
    }

    public mutating func failed(using generator: inout some RandomNumberGenerator) -> Duration {
        let delay = next
        next = min(limit, next * 2)
        return delay * Double.random(in: 0.5...1, using: &generator)
    }

    public mutating func succeeded() { next = first }

    /// Whether what failed may work later.
    public static func helps(against error: any Error) -> Bool {
        switch error {
        case let error as BusError: error.code != .closed
        case let error as StoreError: error.code != .closed && error.code != .corrupt
        default: false
        }
    }
}
