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
    }
}
