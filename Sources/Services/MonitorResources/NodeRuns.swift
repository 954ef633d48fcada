import Logging
import MillraceCore
import MillracePorts
import Synchronization

/// The runs of this node, shared by whoever reads the topic and the thread that ticks.
final class NodeRuns: Sendable {
    private struct State {
        var monitor: ResourceMonitor
        var positions: [Int: Int64] = [:]
    }

    let buffer: SampleBuffer
    private let state: Mutex<State>
    private let logger: Logger

    init(_ monitor: ResourceMonitor, buffer: SampleBuffer, logger: Logger) {
        state = Mutex(State(monitor: monitor))
        self.buffer = buffer
        self.logger = logger
    }

    var targets: [MeteringTarget] { state.withLock { $0.monitor.targets } }

    /// The next offset to be read, by partition.
    var positions: [Int: Int64] { state.withLock { $0.positions } }

    /// Takes messages and how far they reach.
    func take(
        _ messages: [(message: ResourceMessage, place: RecordPlace)], positions: [Int: Int64], uptime: Int64,
        now: Timestamp
    ) {
        hand(withOffsets: false) { state in
            for (message, place) in messages {
                state.monitor.apply(message, at: place, uptime: uptime, now: now)
            }
            state.positions.merge(positions) { _, new in new }
        }
    }

    /// Takes a tick's readings.
    func take(_ tick: UsageTick) {
        var news: [(StepKey, UsageSourceError)] = []
        hand { state in
            for (target, reading) in tick.readings {
                switch reading {
                case .success(let reading): state.monitor.record(reading, of: target)
                case .failure(let error):
                    let isGone = error.code == .gone
                    if let step = state.monitor.failed(target, isGone: isGone, uptime: tick.began) {
                        news.append((step, error))
                    }
                }
            }
        }
        // A target that is gone has most often just ended: its HALT is on the way.
        for (step, error) in news {
            logger.log(level: error.code == .gone ? .debug : .warning, "step \(step) is not metered: \(error)")
        }
    }

    /// No more is read: what is held back is handed over, and then nothing.
    func stop() {
        hand { $0.monitor.stop() }
        buffer.close()
    }

    /// Lets the state change, and hands over what comes of it.
    /// - Parameter withOffsets: once a tick is often enough: what is read twice changes nothing.
    private func hand(withOffsets: Bool = true, _ change: (inout State) -> Void) {
        state.withLock { state in
            change(&state)
            let (samples, estimates) = state.monitor.takeSamples()
            // What is under way must be found again after a restart.
            let offsets =
                withOffsets ? state.positions.merging(state.monitor.oldestPlaces) { min($0, $1) } : nil
            // Under the lock, so that offsets never overtake the samples that they vouch for.
            buffer.append(samples, estimates, offsets)
        }
    }
}
