internal import CPostgres
internal import Glibc

/// What `DATABASE_URL` says, in either form that libpq takes: `postgresql://user@host/database?sslmode=verify-full`, or
/// `host=… dbname=…`. It is passed on whole, so that all of libpq's settings work.
///
/// Its passwords are in none of the texts that are made here: libpq's own messages repeat what they cannot make sense of.
struct ConnectionString: Sendable {
    private let text: String
    private let secrets: [String]
    /// The database and where it is, for people.
    let place: String

    /// Loads libpq where nobody has yet.
    /// - Throws: for a text that cannot be meant, without repeating it.
    init(_ text: String) throws(PostgresError) {
        if let problem = millrace_load_libpq() { throw PostgresError(message: String(cString: problem)) }
        self.text = text
        var message: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(text, &message) else {
            PQfreemem(message)
            throw PostgresError(message: Self.unreadable)
        }
        defer { PQconninfoFree(options) }
        var values: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { values[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        // A password that is not percent-encoded ends up in these.
        let isMangled =
            ["host", "hostaddr", "port", "dbname"].contains { values[$0]?.contains("@") == true }
            || values["port"]?.allSatisfy { $0.isNumber || $0 == "," } == false
        guard !isMangled else { throw PostgresError(message: Self.unreadable) }
        secrets = ["password", "sslpassword"].compactMap { values[$0] }.filter { !$0.isEmpty }
        let host = values["host"] ?? values["hostaddr"]
        place = (values["dbname"].map { "database \($0)" } ?? "the database") + (host.map { " at \($0)" } ?? "")
    }

    private static let unreadable =
        "the database's URL cannot be read: it must be postgresql://user:password@host/database, with special"
        + " characters of the password percent-encoded, or keyword=value pairs"

    /// Connects; blocks until all of the hosts that are named have answered or let their time pass.
    /// - Parameter timeout: for each host, unless the string or the environment says another.
    func connect(timeout: Duration) -> OpaquePointer? {
        var keywords: [(String, String)] = []
        // Before the string, so that it can say otherwise.
        if getenv("PGCONNECT_TIMEOUT") == nil {
            keywords.append(("connect_timeout", String(max(2, timeout.components.seconds))))
        }
        keywords += [("fallback_application_name", "millrace"), ("dbname", text)]
        // After it, since nothing else will do.
        keywords.append(("client_encoding", "UTF8"))
        let names = keywords.map { strdup($0.0) }
        let values = keywords.map { strdup($0.1) }
        defer { for text in names + values { free(text) } }
        let (namePointers, valuePointers) = (names + [nil], values + [nil])
        return namePointers.map { UnsafePointer($0) }.withUnsafeBufferPointer { names in
            valuePointers.map { UnsafePointer($0) }.withUnsafeBufferPointer { values in
                PQconnectdbParams(names.baseAddress, values.baseAddress, 1)
            }
        }
    }

    /// libpq's message as one line, without its hints and without secrets.
    func line(_ message: UnsafePointer<CChar>?) -> String {
        let lines = (message.map { String(cString: $0) } ?? "").split(separator: "\n")
            .filter { !$0.hasPrefix("\t") }.map { $0.split(separator: " ").joined(separator: " ") }
        let line = lines.joined(separator: "; ")
        return secrets.reduce(line.isEmpty ? "no answer" : line) { $0.replacing($1, with: "…") }
    }
}
