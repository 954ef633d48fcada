import MillraceCore

/// Why a request was refused, as RFC 9457 has it.
struct ServiceProblem: Hashable {
    var status: Int
    var detail: String
    /// Such as `[3].tasks[0]`.
    var field: String?

    /// nil for an answer that is not of Millrace's kind.
    init?(_ answer: MillraceClient.Answer) {
        guard case .object(let fields)? = try? JSONValue(parsing: answer.body),
            let text = fields["detail"]?.asString ?? fields["title"]?.asString
        else { return nil }
        status = answer.status
        detail = text
        field = fields["field"]?.asString
    }

    /// What it means to a script.
    var code: Failure.Code {
        switch status {
        case 400, 411, 413, 415, 422: .usage
        case 502, 503, 504: .unreachable
        default: .failed
        }
    }

    /// The order of an array that it is about, from 0, and what is left to say of it.
    var ofArray: (index: Int, detail: String)? {
        guard detail.hasPrefix("["), let end = detail.firstIndex(of: "]"),
            let index = Int(detail[detail.index(after: detail.startIndex)..<end])
        else { return nil }
        let rest = detail[detail.index(after: end)...].drop { $0 == "." || $0 == ":" || $0 == " " }
        return (index, String(rest))
    }
}

extension MillraceClient {
    /// - Parameter what: put before what the service says.
    func failure(_ answer: Answer, _ what: String = "") -> Failure {
        guard let problem = ServiceProblem(answer) else { return notMillrace("status \(answer.status)") }
        return Failure(problem.code, "millrace: \(what)\(Wording.oneLine(problem.detail))")
    }

    /// Something answers there, but not as Millrace does.
    func notMillrace(_ detail: String) -> Failure {
        Failure(.unreachable, "millrace: what answers at \(base) is not Millrace, or of another version: \(detail)")
    }

    /// Reads an answer; one that is not as agreed is told as such.
    func reading<Value>(_ read: () throws(JSONError) -> Value) throws(Failure) -> Value {
        do throws(JSONError) { return try read() } catch { throw notMillrace("\(error)") }
    }
}
