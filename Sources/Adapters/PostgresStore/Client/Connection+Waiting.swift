internal import CPostgres
internal import Glibc
internal import MillraceCore
internal import Platform

/// Waiting for the server, and what it says is wrong.
extension Connection {
    func startClock(_ allowance: Duration? = nil) {
        // The server ends what takes too long; where it does not even do that, this does.
        let limit = (allowance ?? timeout).microseconds
        deadline = SystemClock.monotonicMicroseconds + limit + min(limit, Self.grace)
    }

    /// How much longer than the server we wait, in microseconds; less where its own time is short.
    private static let grace: Int64 = 5_000_000

    /// Blocks until the socket can be read or written as is asked for.
    func wait(_ events: Int32) throws {
        while true {
            let left = deadline - SystemClock.monotonicMicroseconds
            guard left > 0 else {
                hasFailed = true
                throw PostgresError.lost("the server has not answered in time")
            }
            var descriptor = pollfd(fd: PQsocket(handle), events: Int16(events), revents: 0)
            let count = poll(&descriptor, 1, Int32(clamping: left / 1000 + 1))
            if count > 0 { return }
            guard count == 0 || errno == EINTR else { throw lost() }
        }
    }

    /// Sends what is buffered, and takes what comes meanwhile: the server may wait for us to.
    func flush() throws {
        while true {
            switch PQflush(handle) {
            case 0: return
            case 1:
                try wait(POLLIN | POLLOUT)
                guard PQconsumeInput(handle) == 1 else { throw lost() }
            default: throw lost()
            }
        }
    }

    /// The next result of what is under way; nil at its end.
    func nextResult() throws -> OpaquePointer? {
        while PQisBusy(handle) == 1 {
            try wait(POLLIN)
            guard PQconsumeInput(handle) == 1 else { throw lost() }
        }
        return PQgetResult(handle)
    }

    /// After a call that failed without a result.
    func lost() -> PostgresError {
        hasFailed = true
        return .lost(source.line(PQerrorMessage(handle)))
    }

    func error(of result: OpaquePointer) -> PostgresError {
        let state = PQresultErrorField(result, Int32(UInt8(ascii: "C"))).map { String(cString: $0) }
        let primary = PQresultErrorField(result, Int32(UInt8(ascii: "M"))) ?? PQresultErrorMessage(result)
        let severity = PQresultErrorField(result, Int32(UInt8(ascii: "V"))).map { String(cString: $0) }
        // Without a code it is libpq that speaks; after a FATAL or PANIC the server says no more.
        var isLost = state == nil || PQstatus(handle) != CONNECTION_OK || severity != "ERROR"
        // It is a stand-by: the URL may name the server that has taken over.
        if state == "25006" { isLost = true }
        if isLost { hasFailed = true }
        return PostgresError(state: state, message: source.line(primary), isConnectionLost: isLost)
    }
}

extension Duration {
    var inMilliseconds: Int64 { microseconds / 1000 }
}
