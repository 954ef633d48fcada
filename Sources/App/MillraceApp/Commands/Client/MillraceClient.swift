import AsyncHTTPClient
import MillraceCore
import NIOCore
import NIOHTTP1
import NIOPosix
import Platform

/// A running Millrace, over HTTP.
struct MillraceClient: Sendable {
    /// Such as `http://127.0.0.1:8420`.
    let base: String
    let http: HTTPClient

    /// Of one listing of a thousand orders with all steps, with much to spare.
    static let answerLimit = 256 << 20

    static func with<Value: Sendable>(
        _ options: ClientOptions, _ body: (MillraceClient) async throws -> Value
    ) async throws -> Value {
        try await with(base: options.base(), body)
    }

    static func with<Value: Sendable>(
        base: String, _ body: (MillraceClient) async throws -> Value
    ) async throws -> Value {
        var configuration = HTTPClient.Configuration()
        configuration.httpVersion = .http1Only
        configuration.timeout.connect = .seconds(5)
        // A service that is not there should be told at once, not after the connection's time is over.
        configuration.connectionPool.retryConnectionEstablishment = false
        return try await HTTPClient.withHTTPClient(configuration: configuration) { http in
            try await body(MillraceClient(base: base, http: http))
        }
    }

    /// An answer, whatever its status.
    struct Answer: Sendable {
        var status: Int
        var body: [UInt8]
        /// Seconds.
        var retryAfter: Int?

        var isSuccess: Bool { (200..<300).contains(status) }
    }

    func get(_ path: String, timeout: TimeAmount = .seconds(30)) async throws -> Answer {
        let request = HTTPClientRequest(url: base + path)
        return try await reaching {
            do {
                return try await answer(request, timeout: timeout)
            } catch let error as HTTPClientError where error == .remoteConnectionClosed {
                // A connection that was kept may be closed just as it is used again: asking twice does no harm.
                return try await answer(request, timeout: timeout)
            }
        }
    }

    func post(
        _ path: String, type: String, timeout: TimeAmount = .seconds(60), body: HTTPClientRequest.Body
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: base + path)
        request.method = .POST
        request.headers.add(name: "content-type", value: type)
        request.body = body
        return try await reaching { [request] in try await answer(request, timeout: timeout) }
    }

    private func answer(_ request: HTTPClientRequest, timeout: TimeAmount) async throws -> Answer {
        let response = try await http.execute(request, timeout: timeout)
        return try await Self.answer(response)
    }

    static func answer(_ response: HTTPClientResponse) async throws -> Answer {
        let body = try await response.body.collect(upTo: answerLimit)
        return Answer(
            status: Int(response.status.code), body: Array(buffer: body),
            retryAfter: response.headers.first(name: "retry-after").flatMap { Int($0) })
    }

    /// Runs an exchange; what keeps it from happening is told as a service that cannot be reached.
    func reaching<Value: Sendable>(_ exchange: () async throws -> Value) async throws -> Value {
        do {
            return try await exchange()
        } catch let failure as Failure {
            throw failure
        } catch let error as SystemError {
            // A file of ours, not the service.
            throw Failure(.failed, "millrace: \(error)")
        } catch {
            if error is CancellationError || error as? HTTPClientError == .cancelled { throw CancellationError() }
            throw Failure(
                .unreachable, "millrace: cannot reach \(base): \(Self.cause(error)); is `millrace up` running?")
        }
    }

    static func cause(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            return error.connectionErrors.first.map { cause($0.error) } ?? "no address of \(error.host) was found"
        case let error as IOError:
            return SystemError.text(of: error.errnoCode)
        case let error as HTTPClientError:
            return error == .connectTimeout || error == .deadlineExceeded ? "no answer in time" : error.shortDescription
        default:
            return Wording.oneLine("\(error)")
        }
    }
}

extension SystemError {
    /// What the system calls an errno.
    static func text(of code: CInt) -> String {
        let text = SystemError(code, "").description
        return String(text.drop { $0 == ":" || $0 == " " })
    }
}
