internal import CPostgres

extension Statement {
    /// Queues it as a prepared statement, and asks for rows in the binary format.
    func send(to handle: OpaquePointer, as name: String) -> Bool {
        bytes.withUnsafeBytes { bytes in
            // An empty text needs an address too: without one it would be NULL.
            let base = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 1)
            var values: [UnsafePointer<CChar>?] = []
            var lengths: [Int32] = []
            var start = 0
            for end in ends {
                values.append(end.flatMap { _ in base?.advanced(by: start).assumingMemoryBound(to: CChar.self) })
                lengths.append(end.map { Int32(clamping: $0 - start) } ?? 0)
                start = end ?? start
            }
            let formats = [Int32](repeating: 1, count: ends.count)
            return PQsendQueryPrepared(handle, name, Int32(ends.count), values, lengths, formats, 1) == 1
        }
    }
}

extension Connection {
    /// Runs statements of our own, without parameters, one after another: they are one transaction unless they say
    /// otherwise.
    func execute(_ script: String, allowance: Duration? = nil) throws {
        try begin(script, allowance)
        try finish()
    }

    /// Runs a script that has one `COPY … FROM STDIN` in it, and gives it the data.
    func copy(_ script: String, _ data: [UInt8]) throws {
        try begin(script, nil)
        while true {
            guard let result = try nextResult() else {
                throw PostgresError(message: "the server has not asked for the data")
            }
            defer { PQclear(result) }
            switch PQresultStatus(result) {
            case PGRES_COPY_IN: break
            case PGRES_COMMAND_OK, PGRES_TUPLES_OK: continue
            default:
                let failure = error(of: result)
                if !failure.isConnectionLost { try? finish() }
                throw failure
            }
            break
        }
        try data.withUnsafeBytes { try put($0) }
        try finish()
    }

    /// A piece of it is copied and sent before the next one is.
    private static let piece = 1 << 18

    private func put(_ data: UnsafeRawBufferPointer) throws {
        var rest = data[...]
        while !rest.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(Self.piece))
            let sent = PQputCopyData(
                handle, piece.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(piece.count))
            switch sent {
            case 1:
                rest = rest.dropFirst(piece.count)
                // The last one goes with what ends it.
                if !rest.isEmpty { try flush() }
            case 0: try flush()
            default: throw lost()
            }
        }
        while true {
            switch PQputCopyEnd(handle, nil) {
            case 1: return try flush()
            case 0: try flush()
            default: throw lost()
            }
        }
    }

    private func begin(_ script: String, _ allowance: Duration?) throws {
        startClock(allowance)
        guard PQsendQuery(handle, script) == 1 else { throw lost() }
        try flush()
    }

    /// Reads all that is left of the results.
    private func finish() throws {
        var failure: PostgresError?
        while let result = try nextResult() {
            defer { PQclear(result) }
            switch PQresultStatus(result) {
            case PGRES_COMMAND_OK, PGRES_TUPLES_OK: break
            default: if failure == nil { failure = error(of: result) }
            }
        }
        if let failure { throw failure }
    }

    /// Statements that read, on one state of the database: never half of what another transaction saved.
    func snapshot(_ statements: [Statement]) throws -> [Rows] {
        let begin = Statement("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        do {
            let rows = try run([begin] + statements + [Statement("COMMIT")])
            return Array(rows.dropFirst().dropLast())
        } catch {
            rollBack()
            throw error
        }
    }

    /// Ends a transaction that failed. Where that fails too the connection is of no more use, and is not used.
    func rollBack() {
        guard !hasFailed, PQtransactionStatus(handle) != PQTRANS_IDLE else { return }
        try? execute("ROLLBACK")
    }
}
