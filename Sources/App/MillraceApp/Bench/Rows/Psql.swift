import MillraceCore
import Platform

/// PostgreSQL's own client, on the tables of a bench.
struct Psql: Sendable {
    private let folder: String
    private let url: String
    private let environment: [String: String]

    private static let columns = "order_id, task_id, resource_id, step, value, timestamp, seconds"

    /// - Throws: where the URL is none: a password goes to `psql` in its environment, which others cannot see.
    init(_ site: BenchSite) throws {
        folder = site.folder
        var environment = site.environment
        guard let (url, password) = Self.split(site.settings.databaseURL) else {
            throw Failure(.usage, "millrace: this bench needs DATABASE_URL as postgresql://user:password@host/database")
        }
        self.url = url
        if let password { environment["PGPASSWORD"] = password }
        self.environment = environment
    }

    /// A URL without its password, and that.
    /// - Returns: nil for what is no URL.
    static func split(_ url: String) -> (url: String, password: String?)? {
        guard let scheme = url.firstRange(of: "://") else { return nil }
        let rest = url[scheme.upperBound...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        guard let at = authority.lastIndex(of: "@"), let colon = authority[..<at].firstIndex(of: ":") else {
            return (url, nil)
        }
        let password = authority[authority.index(after: colon)..<at]
        return (String(url[..<colon] + url[at...]), String(decoding: percentDecoded(password), as: UTF8.self))
    }

    private static func percentDecoded(_ text: Substring) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let code = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) {
                bytes.append(code)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return bytes
    }

    /// Writes what is in the table to files, in the order in which it came, and empties it.
    /// - Returns: a file of all, and files of so many rows each.
    func export(batchRows: Int) async throws -> (whole: String, parts: [String]) {
        let whole = folder + "/rows.txt"
        _ = try await run(
            """
            \\copy (SELECT \(Self.columns) FROM resource_usage ORDER BY timestamp, order_id, step, resource_id) TO '\(whole)'
            TRUNCATE resource_usage;
            """)
        let lines = try Files.read(whole).split(separator: UInt8(ascii: "\n"))
        var parts: [String] = []
        for start in stride(from: 0, to: lines.count, by: batchRows) {
            let path = "\(folder)/rows-\(parts.count).txt"
            let part = lines[start..<min(start + batchRows, lines.count)]
            try Files.write(Array(part.joined(separator: [UInt8(ascii: "\n")])) + [UInt8(ascii: "\n")], to: path)
            parts.append(path)
        }
        return (whole, parts)
    }

    /// Copies files into the table, one command each, and empties it.
    /// - Returns: seconds, without psql's own start.
    func copy(_ files: [String]) async throws -> Double {
        let commands = files.map { "\\copy resource_usage (\(Self.columns)) FROM '\($0)'\n" }
        let text = try await run(
            """
            SELECT clock_timestamp() AS time \\gset begin_
            \(commands.joined())
            SELECT extract(epoch FROM clock_timestamp() - :'begin_time'::timestamptz) AS seconds \\gset
            TRUNCATE resource_usage;
            \\echo :seconds
            """)
        guard let seconds = text.split(separator: "\n").last.flatMap({ Double($0) }), seconds > 0 else {
            throw Failure(.failed, "millrace: psql said: \(text)")
        }
        return seconds
    }

    private func run(_ script: String) async throws -> String {
        let path = folder + "/script.sql"
        try Files.write(Array(script.utf8), to: path)
        var launch = Launch(
            command: ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-f", path], environment: environment)
        launch.output = .withErrors
        launch.errors = .captured
        let exit = try await ChildProcess.run(launch, killAfter: .seconds(5))
        let text = String(decoding: exit.errorTail, as: UTF8.self)
        guard exit.status == .exited(0) else { throw Failure(.failed, "millrace: psql \(exit.status): \(text)") }
        return text
    }
}
