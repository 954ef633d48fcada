internal import CPostgres
internal import MillracePorts

/// What PostgreSQL, or libpq, says is wrong.
struct PostgresError: Error, Sendable {
    /// PostgreSQL's code of five characters; nil where it did not answer.
    var state: String?
    /// One line, without users' data.
    var message: String
    /// Whether the connection is of no more use. What was under way may have been done or not.
    var isConnectionLost = false

    /// Another transaction was in the way, and this one has been rolled back: it may do the next time.
    var isTransient: Bool { state == "40001" || state == "40P01" }
    var isUniqueViolation: Bool { state == "23505" }

    /// Whether what is written beside it may well succeed: a value, a constraint, room on the disk. What waits for a lock
    /// or an operator would only wait again.
    var isOfOneWrite: Bool {
        !isConnectionLost && ["22", "23", "42", "54", "P0"].contains(state.map { String($0.prefix(2)) })
            || state == "53100"
    }

    static func lost(_ message: String) -> PostgresError {
        PostgresError(state: nil, message: message, isConnectionLost: true)
    }
}

extension StoreError {
    /// What lies beneath, as the port's codes tell it.
    init(_ error: any Error, doing: String) {
        switch error {
        case let error as StoreError: self = error
        case let error as PostgresError:
            let code = error.isConnectionLost ? .unavailable : error.state.map(Code.init(sqlState:)) ?? .unavailable
            let state = error.state.map { " (PostgreSQL \($0))" } ?? ""
            self.init(code, doing, cause: error.message + state)
        default: self.init(.unavailable, doing, cause: "\(error)")
        }
    }
}

extension StoreError.Code {
    /// - Parameter sqlState: as in Appendix A of PostgreSQL's manual.
    init(sqlState: String) {
        switch sqlState.prefix(2) {
        case "53" where sqlState == "53100": self = .full
        // A role that may not do it can be given the right.
        case "42" where sqlState == "42501": self = .unavailable
        // Data, constraints and statements that fail mean that the tables are not those of this version.
        case "22", "23", "42", "XX": self = .corrupt
        // Connections, resources, operators, time-outs, deadlocks, a stand-by, passwords: of the moment, or to be
        // mended outside.
        default: self = .unavailable
        }
    }
}
