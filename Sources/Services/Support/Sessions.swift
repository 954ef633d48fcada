public import Logging
public import MillracePorts
import ServiceLifecycle

/// A service's life as sessions in a group: when the bus or the store fails, the session ends as if the process had
/// died, and after a while a new one begins, which replays what the last one had not committed.
public struct Sessions: Sendable {
    /// A session that was longer than the longest waits of bus and store had not failed at its start.
    private static let lasting: Duration = .seconds(180)

    private let name: String
    private let bus: any MessageBus
    private let logger: Logger
    private let sleep: @Sendable (Duration) async throws -> Void

    /// - Parameter name: the service's, for its log.
    public init(
        name: String, bus: any MessageBus, logger: Logger, sleep: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.name = name
        self.bus = bus
        self.logger = logger
        self.sleep = sleep
    }

    /// Runs sessions until one ends without an error, or the service is to stop: then the member's wait is interrupted,
    /// and the session should finish what it has begun. The member leaves its group at each session's end.
    /// - Parameter prepare: what comes before joining.
    public func run<Prepared>(
        _ membership: Membership, prepare: () async throws -> Prepared,
        _ session: (Prepared, any GroupMember, StopSignal) async throws -> Void
    ) async throws {
        let stop = StopSignal()
        try await withGracefulShutdownHandler {
            try await again(stop) {
                let prepared = try await prepare()
                let member = try await bus.join(membership)
                do {
                    try await stop.whileWatching({ member.interrupt() }) { try await session(prepared, member, stop) }
                } catch {
                    await member.leave()
                    throw error
                }
                await member.leave()
            }
        } onGracefulShutdown: {
            stop.raise()
        }
    }

    private func again(_ stop: StopSignal, _ session: () async throws -> Void) async throws {
        var backoff = Backoff()
        var generator = SystemRandomNumberGenerator()
        while !stop.isRaised {
            let started = ContinuousClock.now
            do {
                return try await session()
            } catch let error where Backoff.helps(against: error) {
                guard !stop.isRaised else { return }
                // What failed last week is no reason to wait for long today.
                if ContinuousClock.now - started > Self.lasting { backoff.succeeded() }
                let delay = backoff.failed(using: &generator)
                logger.warning("\(name) begins anew in \(delay): \(error)")
                try await sleep(delay)
            }
        }
    }
}
