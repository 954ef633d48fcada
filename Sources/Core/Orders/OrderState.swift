/// Where an order is. It only moves forward: an ended order stays as it ended.
public enum OrderState: String, Hashable, Sendable, CaseIterable {
    case accepted, running, finished, failed, cancelled

    public var hasEnded: Bool {
        switch self {
        case .accepted, .running: false
        case .finished, .failed, .cancelled: true
        }
    }
}

/// Where a step is. A step that an ended order never came to is `skipped`.
public enum StepState: String, Hashable, Sendable, CaseIterable {
    case pending, running, finished, failed, skipped

    public var hasEnded: Bool {
        switch self {
        case .pending, .running: false
        case .finished, .failed, .skipped: true
        }
    }
}
