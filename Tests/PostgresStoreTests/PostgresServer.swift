import Foundation
import Glibc
import MillraceTesting
import Synchronization

/// A PostgreSQL of our own, on a free port of this machine, with passwords and without TLS.
///
/// It stops when the test process ends; what a killed one left behind is stopped by the next one that starts.
final class PostgresServer: Sendable {
    static let user = "millrace"
    static let password = "s3cret-of-tests"

    /// The one that tests share; they have databases of their own on it.
    static let shared = Result { try PostgresServer() }

    let folder: String
    let port: Int
    private let binaries: String
    private let isStopped = Mutex(false)

    /// Makes a cluster and starts it. Blocks for some seconds.
    /// - Parameters:
    ///   - settings: as in `postgresql.conf`.
    ///   - prepare: makes what they name, in the server's folder, before it starts.
    init(settings: [String: String] = [:], prepare: (String) throws -> Void = { _ in }) throws {
        binaries = try Self.findBinaries()
        _ = Self.leftovers
        folder = try Self.makeFolder()
        port = try Self.freePort()
        try write(Self.password, to: "password")
        try run(
            "initdb", "-D", data, "-U", Self.user, "-A", "scram-sha-256", "--pwfile=\(folder)/password", "-E", "UTF8",
            "--locale=C.UTF-8", "--no-sync")
        // Tests end processes, not machines: what the system was given is safe.
        let all = [
            "listen_addresses": "'127.0.0.1'", "port": "\(port)", "unix_socket_directories": "''", "fsync": "off",
            "max_connections": "300", "shared_buffers": "'64MB'",
        ].merging(settings) { _, new in new }
        try write(all.map { "\($0.key) = \($0.value)\n" }.joined(), to: "data/postgresql.auto.conf")
        try prepare(folder)
        try start()
        Self.running.withLock { $0.append(self) }
        Self.stopAtExit
    }

    /// One that takes no connection without TLS. Its folder has its certificate, `own.pem`, and one of somebody else,
    /// `other.pem`.
    static func withTLS() throws -> PostgresServer {
        let settings = ["ssl": "on", "ssl_cert_file": "'../own.pem'", "ssl_key_file": "'../own.key'"]
        return try PostgresServer(settings: settings) { folder in
            for name in ["own", "other"] {
                try run(
                    "/usr/bin", "openssl",
                    [
                        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                        "-addext",
                        "subjectAltName=IP:127.0.0.1", "-keyout", "\(folder)/\(name).key", "-out",
                        "\(folder)/\(name).pem",
                    ], in: folder)
            }
            let rule = "hostssl all all 127.0.0.1/32 scram-sha-256\n"
            try Data(rule.utf8).write(to: URL(fileURLWithPath: folder + "/data/pg_hba.conf"))
        }
    }

    /// - Parameter extra: more of the query, as in `sslmode=require`.
    func url(database: String = "postgres", password: String = password, extra: String = "") -> String {
        "postgresql://\(Self.user):\(password)@127.0.0.1:\(port)/\(database)?sslmode=disable&\(extra)"
    }

    func start() throws {
        try run("pg_ctl", "start", "-w", "-t", "60", "-D", data, "-l", "\(folder)/log")
        isStopped.withLock { $0 = false }
    }

    /// - Parameter mode: as `pg_ctl` has them: `fast` takes leave of clients, `immediate` is a crash.
    func stop(mode: String = "immediate") throws {
        try run("pg_ctl", "stop", "-w", "-t", "60", "-D", data, "-m", mode)
        isStopped.withLock { $0 = true }
    }

    private var data: String { folder + "/data" }
    private func run(_ tool: String, _ arguments: String...) throws {
        try Self.run(binaries, tool, arguments, in: folder)
    }

    private func write(_ text: String, to name: String) throws {
        let path = folder + "/" + name
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        try Self.giveAway(path)
    }
}

// MARK: - Processes

extension PostgresServer {
    /// PostgreSQL refuses to run as root.
    private static let account: String? = geteuid() == 0 ? "postgres" : nil

    private static func findBinaries() throws -> String {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        let found = versions.sorted { (Int($0) ?? 0) > (Int($1) ?? 0) }.map { "\(root)/\($0)/bin" }
            .first { FileManager.default.isExecutableFile(atPath: $0 + "/initdb") }
        guard let found else {
            throw Broken("there is no \(root)/*/bin/initdb: apt-get install postgresql")
        }
        return found
    }

    private static let prefix = "millrace-postgres-"

    private static func makeFolder() throws -> String {
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("\(prefix)\(getpid())-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        try giveAway(path)
        return path
    }

    private static func giveAway(_ path: String) throws {
        guard let account else { return }
        guard let entry = getpwnam(account) else { throw Broken("there is no user ‘\(account)’ to run PostgreSQL as") }
        guard chown(path, entry.pointee.pw_uid, entry.pointee.pw_gid) == 0 else { throw Broken("chown \(path)") }
    }

    private static func run(_ binaries: String, _ tool: String, _ arguments: [String], in folder: String) throws {
        let change = account.map { ["/usr/bin/setpriv", "--reuid=\($0)", "--regid=\($0)", "--clear-groups"] } ?? []
        let command = change + ["\(binaries)/\(tool)"] + arguments
        let output = folder + "/" + tool + ".output"
        // Foundation's Process waits for the server too, which inherits how it waits.
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        let texts = command.map { strdup($0) }
        defer { for text in texts { free(text) } }
        var pid: pid_t = 0
        guard posix_spawn(&pid, command[0], &actions, nil, texts + [nil], environ) == 0 else {
            throw Broken("\(command[0]) cannot be run")
        }
        var status: CInt = 0
        while waitpid(pid, &status, 0) == -1, errno == EINTR {}
        guard status == 0 else {
            let text = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
            throw Broken("\(command.joined(separator: " ")) failed: \(text)")
        }
    }

    /// Bound by nobody a moment ago.
    private static func freePort() throws -> Int {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(socket, address, length) == 0 ? getsockname(socket, address, &length) : -1
            }
        }
        guard result == 0 else { throw Broken("there is no free port: errno \(errno)") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}

// MARK: - The end

extension PostgresServer {
    private static let running = Mutex<[PostgresServer]>([])

    private static let stopAtExit: Void = {
        atexit {
            for server in PostgresServer.running.withLock({ $0 }) { server.remove() }
        }
    }()

    /// Stops it, if it runs, and removes all of it.
    func remove() {
        if !isStopped.withLock({ $0 }) { try? stop() }
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Stops servers of test processes that have ended without stopping them.
    private static let leftovers: Void = {
        let root = FileManager.default.temporaryDirectory.path
        for name in (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? [] where name.hasPrefix(prefix) {
            guard let pid = pid_t(name.dropFirst(prefix.count).prefix { $0 != "-" }), kill(pid, 0) != 0, errno == ESRCH
            else { continue }
            let folder = root + "/" + name
            if let binaries = try? findBinaries() {
                try? run(binaries, "pg_ctl", ["stop", "-w", "-D", folder + "/data", "-m", "immediate"], in: folder)
            }
            try? FileManager.default.removeItem(atPath: folder)
        }
    }()
}
