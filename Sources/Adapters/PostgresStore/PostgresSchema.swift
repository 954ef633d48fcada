internal import Glibc
public import MillracePorts
internal import Platform

/// A schema of a database that is there for a time only: tables beside those of everybody else.
public enum PostgresSchema {
    /// The same database's URL, with the schema as the one that tables are made and looked for in.
    /// - Returns: nil for a URL that has `options` of its own, which this would displace.
    public static func url(_ url: String, in schema: String) -> String? {
        guard !url.contains("options=") else { return nil }
        guard url.contains("://") else { return url + " options='-csearch_path=\(schema)'" }
        return url + (url.contains("?") ? "&" : "?") + "options=-csearch_path%3D\(schema)"
    }

    /// - Parameter name: lower-case letters, digits and underscores.
    public static func create(_ name: String, at url: String) async throws(StoreError) {
        try await execute("CREATE SCHEMA \(name)", "making the schema \(name)", url)
    }

    /// With all that is in it.
    public static func drop(_ name: String, at url: String) async throws(StoreError) {
        try await execute("DROP SCHEMA IF EXISTS \(name) CASCADE", "dropping the schema \(name)", url)
    }

    private static func execute(_ script: String, _ doing: String, _ url: String) async throws(StoreError) {
        let done = await NamedThread.run("store-schema") { () -> Result<Void, StoreError> in
            do {
                let connection = try Connection(ConnectionString(url), settings: PostgresStoreSettings())
                return .success(try connection.execute(script))
            } catch {
                return .failure(StoreError(error, doing: doing))
            }
        }
        try done.get()
    }
}
