import Foundation
import Glibc
import KafkaBus
import Logging
import MillracePorts
import MillraceTesting

/// A `noida-db` of its own: topics that grow, offsets, descriptions. It stops when it is told to.
final class Noida: Sendable {
    let port: Int
    private let process = Process()

    var servers: String { "127.0.0.1:\(port)" }

    /// Starts it and waits until it answers.
    init(folder: String, port: Int? = nil) async throws {
        let port = try port ?? Self.freePort()
        self.port = port
        process.executableURL = URL(fileURLWithPath: try Self.executable())
        process.arguments = [
            "start", "--data-dir", folder, "--host", "127.0.0.1", "--only", "kafka", "--kafka-port", String(port),
        ]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        let bus = try KafkaBus(
            KafkaSettings(bootstrapServers: servers, requestTimeout: .seconds(1)), logger: quiet)
        try await eventually("noida-db") { (try? await bus.check()) != nil }
        await bus.close()
    }

    /// Ends the server, which the command that was started waits for; it does not heed anything milder.
    func stop() {
        let children = "/proc/\(process.processIdentifier)/task/\(process.processIdentifier)/children"
        let found = (try? String(contentsOfFile: children, encoding: .utf8)) ?? ""
        for child in found.split(separator: " ").compactMap({ pid_t($0) }) { kill(child, SIGKILL) }
        if found.isEmpty { process.terminate() }
        process.waitUntilExit()
    }

    private static func executable() throws -> String {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let named = ProcessInfo.processInfo.environment["MILLRACE_TEST_NOIDA"].map { [$0] } ?? []
        let found = (named + path.split(separator: ":").map { $0 + "/noida-db" }).first {
            FileManager.default.isExecutableFile(atPath: $0)
        }
        guard let found else {
            throw Broken("noida-db is not on the PATH, nor named by MILLRACE_TEST_NOIDA: pip install noida-db==0.2.3")
        }
        return found
    }

    /// A port that nobody listens on right now.
    private static func freePort() throws -> Int {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, size) == 0 ? getsockname(socket, $0, &size) : -1
            }
        }
        try expect(result == 0, "no free port: errno \(errno)")
        return Int(UInt16(bigEndian: address.sin_port))
    }
}

/// Says nothing: what matters is in the errors.
let quiet = Logger(label: "quiet", factory: { _ in SwiftLogNoOpLogHandler() })
