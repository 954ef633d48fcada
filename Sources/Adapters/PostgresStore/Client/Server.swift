internal import MillraceCore
internal import Platform
internal import Synchronization

/// Where the database is, and whether it is worth trying: connections of a process that failed share their back-off.
final class Server: Sendable {
    private struct State {
        var delay: Duration?
        /// In microseconds since boot.
        var notBefore: Int64 = 0
        var failure: PostgresError?
    }

    let source: ConnectionString
    let settings: PostgresStoreSettings
    private let state = Mutex(State())

    init(_ source: ConnectionString, settings: PostgresStoreSettings) {
        self.source = source
        self.settings = settings
    }

    /// Connects, blocking; throws at once, what was thrown before, while it is too early to try again.
    func connect() throws -> Connection {
        let failure = state.withLock { state in
            state.notBefore > SystemClock.monotonicMicroseconds ? state.failure : nil
        }
        if let failure { throw failure }
        do {
            let connection = try Connection(source, settings: settings)
            state.withLock { $0 = State() }
            return connection
        } catch let failure as PostgresError {
            state.withLock { state in
                let delay = state.delay ?? settings.firstBackoff
                state.delay = min(settings.backoffLimit, delay * 2)
                // At random, so that those that failed together do not come back together.
                let pause = delay * Double.random(in: 0.5...1)
                state.notBefore = SystemClock.monotonicMicroseconds + pause.microseconds
                state.failure = failure
            }
            throw failure
        }
    }
}

/// A thread's connection, opened when it is needed and again when it was lost.
///
/// Unchecked: only its thread touches it, and whoever closes it after the thread has ended.
final class Link: @unchecked Sendable {
    private let server: Server
    private var connection: Connection?

    init(_ server: Server, _ connection: Connection? = nil) {
        self.server = server
        self.connection = connection
    }

    /// - Parameter mayRepeat: run it once more where the connection was lost while it ran; only for what does the same
    ///   when it is done twice.
    func use<Value>(mayRepeat: Bool, _ body: (Connection) throws -> Value) throws -> Value {
        do {
            return try body(try usable())
        } catch let error as PostgresError where error.isConnectionLost && mayRepeat && connection != nil {
            connection = nil
            return try body(try usable())
        }
    }

    private func usable() throws -> Connection {
        if let connection {
            if connection.isUsable { return connection }
            // What a failure left behind is tidied up, or goes with the connection.
            connection.rollBack()
            if connection.isUsable { return connection }
        }
        connection = nil
        let opened = try server.connect()
        connection = opened
        return opened
    }

    func close() { connection = nil }
}
