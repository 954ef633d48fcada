import Glibc
import MillraceCore
import Platform

/// A load of HTTP requests from one thread: as little of a client as can be, so that the server has the machine.
struct HTTPLoad: Sendable {
    let port: Int
    let connections: Int
    let requests: Int
    let image: ImageReference

    struct Outcome: Sendable {
        var seconds: Double
        var latencies: [Double]
        /// Of the thread that made the load.
        var clientCPU: Double
    }

    private struct Connection {
        var socket: CInt
        var sentAt: ContinuousClock.Instant
        var received: [UInt8] = []
    }

    /// Each connection has one request under way; each order has an id of its own.
    /// - Returns: nil when a connection failed or an answer was not 202.
    func run() -> Outcome? {
        var all: [Connection] = []
        defer { for connection in all { close(connection.socket) } }
        let start = ContinuousClock.now
        let cpuStart = Self.threadCPU()
        var sent = 0
        for _ in 0..<connections {
            guard let socket = connect() else { return nil }
            all.append(Connection(socket: socket, sentAt: .now))
            guard send(sent, on: socket) else { return nil }
            sent += 1
        }
        var latencies: [Double] = []
        latencies.reserveCapacity(requests)
        var polled = all.map { pollfd(fd: $0.socket, events: Int16(POLLIN), revents: 0) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        while latencies.count < requests {
            guard poll(&polled, nfds_t(polled.count), 10_000) > 0 else { return nil }
            for index in polled.indices where polled[index].revents != 0 {
                let count = recv(all[index].socket, &buffer, buffer.count, 0)
                guard count > 0 else { return nil }
                all[index].received.append(contentsOf: buffer[..<count])
                guard Self.isWhole(all[index].received) else { continue }
                guard all[index].received.starts(with: "HTTP/1.1 202".utf8) else { return nil }
                latencies.append((ContinuousClock.now - all[index].sentAt).inSeconds)
                all[index].received.removeAll(keepingCapacity: true)
                guard sent < requests else {
                    polled[index].events = 0
                    continue
                }
                all[index].sentAt = .now
                guard send(sent, on: all[index].socket) else { return nil }
                sent += 1
            }
        }
        return Outcome(
            seconds: (ContinuousClock.now - start).inSeconds, latencies: latencies,
            clientCPU: Self.threadCPU() - cpuStart)
    }

    private func connect() -> CInt? {
        let socket = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { return nil }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            close(socket)
            return nil
        }
        return socket
    }

    private func send(_ number: Int, on socket: CInt) -> Bool {
        let body = "{\"id\":\"ingest-\(number)\",\"image\":\"\(image)\",\"tasks\":[\"noop\",\"noop\",\"noop\"]}"
        let request =
            "POST /v1/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
        let bytes = Array(request.utf8)
        return Glibc.send(socket, bytes, bytes.count, CInt(MSG_NOSIGNAL)) == bytes.count
    }

    /// Whether an answer's head and body are there. Bytes only: texts would cost the client more than its server.
    private static func isWhole(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBufferPointer { bytes in
            var length: Int?
            var line = 0
            while let end = bytes[line...].firstIndex(of: 13), end + 1 < bytes.count {
                if end == line { return length.map { bytes.count - (end + 2) >= $0 } ?? false }
                let text = bytes[line..<end]
                if text.count > label.count, zip(text, label).allSatisfy({ $0 | 0x20 == $1 }) {
                    length = text.dropFirst(label.count).reduce(0) { $0 * 10 + Int($1 & 0x0F) }
                }
                line = end + 2
            }
            return false
        }
    }

    /// In lower case, with the bit that makes it so set in every byte.
    private static let label = Array("content-length: ".utf8)

    private static func threadCPU() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
