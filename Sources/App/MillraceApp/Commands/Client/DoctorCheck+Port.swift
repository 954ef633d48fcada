import MillraceCore
import NIOCore
import NIOPosix

// Who is at the port that proxy-server listens on.
extension DoctorCheck {
    @Sendable static func port(_ settings: Settings) async -> [DoctorCheck] {
        let name = "port"
        let (host, port) = (settings.host, settings.port)
        guard port != 0 else { return [.ok(name, "any that is free")] }
        let place = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        if let answer = await readiness(host, port) {
            let said = String(decoding: answer.body.prefix(500), as: UTF8.self)
            // As its health page has it, one line for each check.
            guard said.hasPrefix("[+]") || said.hasPrefix("[-]") else {
                return [.fail(name, "something other than Millrace answers at \(place)", "choose another with --port")]
            }
            if answer.isSuccess { return [.ok(name, "Millrace answers at \(place) and is ready")] }
            return [.warn(name, "Millrace answers at \(place) but is not ready: \(said)", "see its log")]
        }
        do {
            let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .bind(host: host, port: port).get()
            try await channel.close()
            return [.ok(name, "\(place) is free")]
        } catch {
            return [
                .fail(
                    name, "\(place) cannot be listened on: \(MillraceClient.cause(error))",
                    "choose another with --port, or another address with --host")
            ]
        }
    }

    /// nil where nothing answers as HTTP does.
    private static func readiness(_ host: String, _ port: Int) async -> MillraceClient.Answer? {
        // What listens everywhere answers here, too.
        let name =
            switch host {
            case "0.0.0.0", "": "127.0.0.1"
            case "::": "[::1]"
            default: host.contains(":") ? "[\(host)]" : host
            }
        return try? await MillraceClient.with(base: "http://\(name):\(port)") { client in
            try await client.get("/readyz?verbose", timeout: .seconds(3))
        }
    }
}
