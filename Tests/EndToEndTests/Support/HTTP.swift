import Glibc
import MillraceCore
import Platform

/// The least HTTP that tests need: one request on a connection of its own, so that a service that is killed in the
/// middle leaves nothing behind in a pool, and bytes go out as they are.
struct HTTP: Sendable {
    let port: Int

    struct Answer: Sendable, CustomStringConvertible {
        var status: Int
        var body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }
        var description: String { "\(status) \(text)" }
        var json: [String: JSONValue] {
            guard case .object(let fields)? = try? JSONValue(parsing: body) else { return [:] }
            return fields
        }
        /// What a problem says, and of which field.
        var detail: String { json["detail"]?.asString ?? "" }
        var field: String? { json["field"]?.asString }
    }

    /// - Returns: nil where no whole answer came.
    func ask(_ method: String, _ path: String, body: [UInt8] = []) async -> Answer? {
        var request = "\(method) \(path) HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n"
        request += "content-type: application/json\r\ncontent-length: \(body.count)\r\n\r\n"
        let bytes = Array(request.utf8) + body
        return await NamedThread.run("http") { [port] in
            guard let socket = Self.connect(port) else { return nil }
            defer { close(socket) }
            Self.send(bytes, over: socket)
            return Self.answer(in: Self.receive(from: socket))
        }
    }

    func get(_ path: String) async -> Answer? { await ask("GET", path) }
    func post(_ path: String, _ text: String) async -> Answer? { await ask("POST", path, body: Array(text.utf8)) }

    /// A port that nobody listens on just now.
    static func freePort() -> Int {
        let socket = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        defer { close(socket) }
        var address = loopback(0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(socket, $0, size)
                _ = getsockname(socket, $0, &size)
            }
        }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    private static func loopback(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private static func connect(_ port: Int) -> CInt? {
        let socket = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        guard socket >= 0 else { return nil }
        // A service that hangs must not hang the test.
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = loopback(port)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if result == 0 { return socket }
        close(socket)
        return nil
    }

    /// What refuses a body early is still listened to.
    private static func send(_ bytes: [UInt8], over socket: CInt) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress?.advanced(by: sent), bytes.count - sent, CInt(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            sent += count
        }
    }

    private static func receive(from socket: CInt) -> [UInt8] {
        var received: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = recv(socket, &chunk, chunk.count, 0)
            guard count > 0 else { return received }
            received += chunk[..<count]
        }
    }

    private static func answer(in bytes: [UInt8]) -> Answer? {
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let head = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
        let body = Array(bytes[end.upperBound...])
        guard let status = head.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else { return nil }
        for line in head where line.lowercased().hasPrefix("content-length:") {
            let length = Int(line.split(separator: ":")[1].drop { $0 == " " })
            guard length == body.count else { return nil }
        }
        return Answer(status: status, body: body)
    }
}
