internal import GRDB
internal import MillracePorts
internal import Platform

extension StoreError {
    /// What lies beneath, as the port's codes tell it.
    init(_ error: any Error, doing: String) {
        switch error {
        case let error as StoreError: self = error
        case let error as DatabaseError: self.init(Code(error.resultCode), doing, cause: error.cause)
        case let error as SystemError:
            self.init(error.isDiskFull ? .full : .unavailable, doing, cause: error.description)
        case is CancellationError: self.init(.unavailable, doing, cause: "the caller was cancelled")
        default: self.init(.unavailable, doing, cause: "\(error)")
        }
    }
}

extension StoreError.Code {
    init(_ code: ResultCode) {
        switch code {
        case .SQLITE_FULL: self = .full
        case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_FORMAT, .SQLITE_MISMATCH, .SQLITE_CONSTRAINT, .SQLITE_ERROR:
            // A constraint or a statement that fails means that the tables are not those of this version.
            self = .corrupt
        default:
            // SQLITE_BUSY, LOCKED, IOERR, CANTOPEN, READONLY, PERM, NOMEM, …: of the moment, or of the machine.
            self = .unavailable
        }
    }
}

extension DatabaseError {
    /// SQLite's message, without the statement's arguments: they are users' data.
    fileprivate var cause: String {
        "\(message ?? "no message") (SQLite \(extendedResultCode.rawValue))"
    }
}
