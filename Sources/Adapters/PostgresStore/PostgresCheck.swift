public import MillracePorts
internal import Platform

/// What doctor may know of a database without changing anything in it.
public struct PostgresCheck: Hashable, Sendable {
    /// Host and database, without a password.
    public var place: String
    /// As in `15.20`.
    public var serverVersion: String
    /// Of the tables; 0 where there are none yet.
    public var tablesVersion: Int
    /// That this Millrace makes.
    public var latestTablesVersion: Int
    /// The server's clock less this machine's, in seconds.
    public var clockDifference: Double
    /// Of the transport, as in `TLSv1.3`; nil without TLS.
    public var encryption: String?
    /// Whether this server takes no writes: a standby, or one that was set so.
    public var isReadOnly: Bool
    /// Whether this role may make tables.
    public var mayMakeTables: Bool
    /// Millrace's tables that this role may not read and write.
    public var forbidden: [String]
    /// All connections of the server: how many there are, and may be.
    public var connections: Int
    public var connectionLimit: Int

    /// Connects and looks.
    /// - Throws: what ``PostgresOrderStore/open(url:settings:)`` throws.
    public static func look(at url: String) async throws(StoreError) -> PostgresCheck {
        let result = await NamedThread.run("store-check") { () -> Result<PostgresCheck, StoreError> in
            do { return .success(try PostgresCheck(url: url)) } catch {
                return .failure(StoreError(error, doing: "looking at the store"))
            }
        }
        return try result.get()
    }

    private init(url: String) throws {
        let source = try ConnectionString(url)
        let connection = try Server(source, settings: PostgresStoreSettings()).connect()
        place = source.place
        tablesVersion = try Schema.version(connection, source.place)
        latestTablesVersion = Schema.latest
        let before = SystemClock.wallMicroseconds
        let rows = try connection.run(
            Statement(
                "SELECT split_part(current_setting('server_version'), ' ', 1),"
                    + " (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"))
        let now = (before + SystemClock.wallMicroseconds) / 2
        serverVersion = try rows.first?.value(0) ?? ""
        let theirs: Int = try rows.first?.value(1) ?? Int(now)
        clockDifference = Double(Int64(theirs) - now) / 1e6
        let state = try connection.run(Statement(Self.state)).first
        encryption = try state?.optional(0)
        isReadOnly = try state?.value(1) ?? false
        mayMakeTables = try state?.value(2) ?? true
        connections = try state?.value(3) ?? 0
        connectionLimit = try state?.value(4) ?? 0
        forbidden = try connection.run(Statement(Self.forbidden)).map { try $0.value(0) }
    }

    private static let state = """
        SELECT (SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl),
            current_setting('transaction_read_only')::boolean,
            coalesce(has_schema_privilege(current_schema(), 'CREATE'), false),
            (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
            current_setting('max_connections')::bigint
        """

    /// Where tables were made by another role.
    private static let forbidden = """
        SELECT relname::text FROM pg_class
        WHERE oid IN (SELECT to_regclass(name) FROM unnest(ARRAY['orders', 'order_steps', 'step_totals', 'tasks',
            'task_scaling', 'scaling_decisions', 'consumer_offsets', 'resource_usage', 'resource_usage_minutes',
            'resource_offsets', 'dropped_samples']) name)
            AND NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT'))
        ORDER BY 1
        """
}
