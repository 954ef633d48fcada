internal import CPostgres
internal import Glibc
internal import MillraceCore
internal import Platform

/// One connection, used by one thread, which it blocks: it never waits longer than its time-out.
///
/// Statements are prepared when they are first run; those that are run together go to the server at once, in libpq's
/// pipeline mode, and take one round trip.
final class Connection {
    let handle: OpaquePointer
    let source: ConnectionString
    /// Names of the statements that the server knows. Their texts are our own, some dozens.
    private var prepared: [String: String] = [:]
    private var nextName = 0
    /// It is of no more use.
    var hasFailed = false
    let timeout: Duration
    /// When what is under way must have ended, in microseconds since boot.
    var deadline: Int64 = .max

    /// Blocks until it is connected.
    init(_ source: ConnectionString, settings: PostgresStoreSettings) throws {
        guard let handle = source.connect(timeout: settings.connectTimeout) else {
            throw PostgresError.lost("there is no memory for a connection")
        }
        guard PQstatus(handle) == CONNECTION_OK else {
            defer { PQfinish(handle) }
            throw PostgresError.lost(source.line(PQerrorMessage(handle)))
        }
        self.handle = handle
        self.source = source
        timeout = settings.statementTimeout
        // Notices are for people at a terminal; libpq would write them to ours.
        PQsetNoticeReceiver(handle, { _, _ in }, nil)
        PQsetnonblocking(handle, 1)
        guard PQserverVersion(handle) >= 130_000 else {
            throw PostgresError(message: "the server is of a version before 13: Millrace needs 13 or later")
        }
        guard let encoding = PQparameterStatus(handle, "server_encoding"), String(cString: encoding) == "UTF8" else {
            throw PostgresError(message: "\(source.place) is not encoded in UTF8: make one that is")
        }
        try execute(Self.setUp(settings))
    }

    deinit { PQfinish(handle) }

    /// Whatever the role's or the database's defaults are: what was told must be on disk, each statement must see what
    /// was committed before it, and a process that hangs must not hold locks for ever.
    private static func setUp(_ settings: PostgresStoreSettings) -> String {
        """
        SET client_min_messages = warning;
        SET default_transaction_isolation = 'read committed';
        SET statement_timeout = \(settings.statementTimeout.inMilliseconds);
        SET idle_in_transaction_session_timeout = \((settings.statementTimeout + .seconds(10)).inMilliseconds);
        SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
        """
    }

    /// Whether it can be used, as far as can be told without asking the server: a server that has gone has said so.
    var isUsable: Bool {
        guard !hasFailed, PQstatus(handle) == CONNECTION_OK else { return false }
        var descriptor = pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0)
        while poll(&descriptor, 1, 0) > 0 {
            guard PQconsumeInput(handle) == 1 else { return false }
        }
        return PQtransactionStatus(handle) == PQTRANS_IDLE
    }

    /// Runs statements in one round trip. Without a BEGIN they are one transaction, committed at their end.
    /// - Returns: what each returned.
    /// - Throws: the first error; what follows it has not been run.
    @discardableResult
    func run(_ statements: [Statement]) throws -> [Rows] {
        startClock()
        guard PQenterPipelineMode(handle) == 1 else { throw lost() }
        var slots: [PipelineSlot] = []
        var fresh: [String: String] = [:]
        for statement in statements { try send(statement, &slots, &fresh) }
        guard PQpipelineSync(handle) == 1 else { throw lost() }
        try flush()
        let rows = try collect(slots)
        guard PQexitPipelineMode(handle) == 1 else { throw lost() }
        return try rows.get()
    }

    func run(_ statement: Statement) throws -> Rows {
        guard let rows = try run([statement]).first else { throw lost() }
        return rows
    }

    private enum PipelineSlot {
        case prepare(sql: String, name: String)
        case run
    }

    /// - Parameter fresh: the statements that this pipeline prepares.
    private func send(_ statement: Statement, _ slots: inout [PipelineSlot], _ fresh: inout [String: String]) throws {
        let name: String
        if let known = prepared[statement.sql] ?? fresh[statement.sql] {
            name = known
        } else {
            nextName += 1
            name = "m\(nextName)"
            let count = Int32(statement.types.count)
            guard PQsendPrepare(handle, name, statement.sql, count, statement.types) == 1 else { throw lost() }
            fresh[statement.sql] = name
            slots.append(.prepare(sql: statement.sql, name: name))
        }
        guard statement.send(to: handle, as: name) else { throw lost() }
        slots.append(.run)
    }

    /// Reads what each command of a pipeline led to, up to the pipeline's end.
    private func collect(_ slots: [PipelineSlot]) throws -> Result<[Rows], PostgresError> {
        var rows: [Rows] = []
        var failure: PostgresError?
        for slot in slots {
            guard let result = try nextResult() else { throw lost() }
            switch PQresultStatus(result) {
            case PGRES_TUPLES_OK, PGRES_COMMAND_OK:
                switch slot {
                case .prepare(let sql, let name):
                    prepared[sql] = name
                    PQclear(result)
                case .run: rows.append(Rows(result))
                }
            case PGRES_PIPELINE_ABORTED: PQclear(result)
            default:
                if failure == nil { failure = error(of: result) }
                PQclear(result)
            }
            // Each command's results end with none.
            while let surplus = try nextResult() { PQclear(surplus) }
        }
        guard let end = try nextResult() else { throw lost() }
        defer { PQclear(end) }
        guard PQresultStatus(end) == PGRES_PIPELINE_SYNC else { throw error(of: end) }
        return failure.map { .failure($0) } ?? .success(rows)
    }
}
