import Glibc
import Logging
import MillracePorts
import NIOCore
import Platform
import ServiceLifecycle
import UnixSignals

extension Adapters {
    init(_ settings: Settings, label: String) throws {
        do throws(SystemError) {
            try self.init(settings, logger: settings.logger(label))
        } catch {
            throw Failure(.unreachable, "millrace: \(error)")
        }
    }

    /// The first signal stops gently: running steps end. A second one ends them, and they will be run again.
    private func run(_ group: ServiceGroup, until signals: [UnixSignal]) async -> Result<Void, any Error> {
        await withTaskGroup(of: Result<Void, any Error>?.self) { tasks in
            tasks.addTask { await Result.catching { try await group.run() } }
            tasks.addTask { [logger] in
                var isStopping = false
                for await signal in await UnixSignalsSequence(trapping: signals) {
                    if isStopping {
                        logger.warning(
                            "\(signal) again: running steps are ended, and will be run again after the next start")
                        return nil
                    }
                    isStopping = true
                    logger.notice("\(signal): stopping when running steps have ended; once more ends them")
                    await group.triggerGracefulShutdown()
                }
                return nil
            }
            let first = await tasks.next() ?? nil
            tasks.cancelAll()
            if let first { return first }
            return (await tasks.next() ?? nil) ?? .success(())
        }
    }

    private func trimMemory(after start: Duration) async {
        guard (try? await Task.sleep(for: start)) != nil else { return }
        OwnMemory.trim()
    }

    /// Runs services until one of the signals comes or a service ends, then stops them, the last one first.
    /// - Parameters:
    ///   - start: gives memory back when the start is over: so long it takes, connections to brokers and databases
    ///     included.
    ///   - finally: closes what they used.
    func serve(
        _ services: [any Service], until signals: [UnixSignal] = [.sigterm, .sigint],
        start: Duration = .seconds(5), finally: @Sendable () async -> Void
    ) async throws {
        var quiet = logger
        quiet.logLevel = max(.warning, logger.logLevel)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services.map {
                    .init(
                        service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .gracefullyShutdownGroup)
                },
                logger: quiet))
        async let _ = trimMemory(after: start)
        let result = await run(group, until: signals)
        await finally()
        do {
            try result.get()
        } catch let error as BusError {
            throw Failure(.unreachable, "millrace: \(error)")
        } catch let error as StoreError {
            throw Failure(.unreachable, "millrace: \(error)")
        } catch let error as IOError {
            // Of all the services, only proxy-server's listening leaves such errors to its caller.
            let hint =
                error.errnoCode == EADDRINUSE ? "; stop what listens there, or give --port N (0: any free one)" : ""
            throw Failure(
                .failed,
                "millrace: cannot listen on port \(settings.port) of \(settings.host): "
                    + SystemError.text(of: error.errnoCode) + hint)
        }
    }
}
