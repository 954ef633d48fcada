public import Logging
import MillracePorts

/// Runs a service's work in sessions: when the bus or the store fails, the session ends as if the process had died,
/// and after a while a new one begins, which replays what the last one had not committed.
public struct Sessions: Sendable {
    private let name: String
    private let logger: Logger
    private let stop: StopSignal
    private let sleep: @Sendable (Duration) async throws -> Void

    public init(
        name: String, logger: Logger, stop: StopSignal, sleep: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.name = name
        self.logger = logger
        self.stop = stop
        self.sleep = sleep
    }

    /// Runs sessions until one ends without an error, or the service is to stop.
    public func run(_ session: () async throws -> Void) async throws {
        var backoff = Backoff()
        var generator = SystemRandomNumberGenerator()
        while !stop.isRaised {
            do {
                return try await session()
            } catch let error as BusError where error.code != .closed {
                try await wait(&backoff, &generator, error)
            } catch let error as OrderStoreError where error.code != .closed && error.code != .corrupt {
                try await wait(&backoff, &generator, error)
            }
        }
    }

    private func wait(
        _ backoff: inout Backoff, _ generator: inout SystemRandomNumberGenerator, _ error: any Error
    ) async throws {
        guard !stop.isRaised else { return }
        let delay = backoff.failed(using: &generator)
        logger.warning("\(name) begins anew in \(delay): \(error)")
        try await sleep(delay)
    }
}
