import Synchronization

/// The first error of something that runs beside others.
final class Outcome: Sendable {
    private let first = Mutex<(any Error)?>(nil)

    var error: (any Error)? { first.withLock { $0 } }

    func fail(_ error: any Error) {
        if error is CancellationError { return }
        first.withLock { if $0 == nil { $0 = error } }
    }
}
