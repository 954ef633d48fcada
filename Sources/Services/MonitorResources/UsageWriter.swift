import Logging
import MillraceCore
import MillracePorts
import ServiceSupport

/// Saves what comes into the buffer, and tries again what could not be saved.
struct UsageWriter {
    let service: MonitorResourcesService
    let buffer: SampleBuffer

    /// Samples in one transaction: it must not hold up other writers for long.
    private static let batch = 4096

    /// Runs until the buffer has ended.
    func run() async {
        let settings = service.settings
        var backoff = Backoff()
        var generator = SystemRandomNumberGenerator()
        var isAway = false
        while let content = await buffer.next(Self.batch) {
            let batch = UsageBatch(
                node: settings.node, samples: content.samples, estimates: content.estimates, offsets: content.offsets,
                dropped: content.dropped, at: settings.now())
            do throws(StoreError) {
                let unknown = try await service.store.save(batch)
                if unknown > 0 {
                    service.logger.warning("\(unknown) samples were of orders that the store does not know")
                }
                if isAway || content.dropped > 0 {
                    service.logger.notice("the store is back; \(content.dropped) samples were dropped meanwhile")
                }
                isAway = false
                backoff.succeeded()
            } catch {
                buffer.putBack(content)
                if !isAway {
                    service.logger.warning(
                        "samples wait, up to \(settings.sampleLimit) of them, then the oldest are dropped: \(error)")
                }
                isAway = true
                guard error.code != .closed, !buffer.isAbandoned else { return }
                // Uncancelled: a stop waits for the last samples, but not for ever.
                try? await settings.sleep(backoff.failed(using: &generator))
            }
        }
    }
}

/// Turns old samples into minutes, and lets old minutes go.
struct UsageTidier {
    let service: MonitorResourcesService

    private static let interval: Duration = .seconds(600)
    /// Between two pieces of it, for those who wait for the store meanwhile.
    private static let breath: Duration = .milliseconds(100)

    /// Runs until it is cancelled.
    func run() async {
        let settings = service.settings
        while !Task.isCancelled {
            var hasMore = false
            do throws(StoreError) {
                let now = settings.now()
                hasMore = try await service.store.tidy(
                    UsageRetention(
                        samplesSince: now + (.zero - settings.detail),
                        minutesSince: now + (.zero - settings.retention)))
            } catch {
                service.logger.debug("old samples stay for now: \(error)")
            }
            guard (try? await settings.sleep(hasMore ? Self.breath : Self.interval)) != nil else { return }
        }
    }
}
