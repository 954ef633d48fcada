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

    /// Runs services until one of the signals comes or a service ends, then stops them, the last one first.
    /// - Parameter finally: closes what they used.
    func serve(
        _ services: [any Service], until signals: [UnixSignal] = [.sigterm, .sigint],
        finally: @Sendable () async -> Void
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
                gracefulShutdownSignals: signals, logger: quiet))
        let result: Result<Void, any Error>
        do { result = .success(try await group.run()) } catch { result = .failure(error) }
        await finally()
        do {
            try result.get()
        } catch let error as BusError {
            throw Failure(.unreachable, "millrace: \(error)")
        } catch let error as OrderStoreError {
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
