import HTTPTypes
import Hummingbird
import MillraceCore
import MillracePorts

/// Why a request was refused: an answer as RFC 9457 has it.
struct Problem: Error, Hashable {
    var status: HTTPResponse.Status
    /// For people.
    var detail: String
    /// The field of the request that it is about, as in `[3].tasks[0]`.
    var field: String?
    /// The orders that are others than those under their ids.
    var conflicts: [OrderID] = []
    /// Seconds after which trying again may help.
    var retryAfter: Int?
    /// The methods that the path has.
    var allow: [HTTPRequest.Method] = []

    init(_ status: HTTPResponse.Status, _ detail: String, field: String? = nil) {
        self.status = status
        self.detail = detail
        self.field = field
    }

    var response: Response {
        var writer = JSONWriter()
        writer.beginObject()
        // RFC 9457: with this type, the title is what HTTP calls the status.
        writer.field("type", "about:blank")
        writer.field("title", status.reasonPhrase)
        writer.field("status", status.code)
        writer.field("detail", detail)
        writer.field("field", ifPresent: field)
        if !conflicts.isEmpty {
            writer.key("conflicts")
            writer.beginArray()
            for id in conflicts { writer.string(id.text) }
            writer.endArray()
        }
        writer.endObject()
        var headers: HTTPFields = [.contentType: "application/problem+json"]
        if let retryAfter { headers[.retryAfter] = String(retryAfter) }
        if !allow.isEmpty { headers[.allow] = allow.map(\.rawValue).joined(separator: ", ") }
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: writer.bytes)))
    }
}

extension Problem {
    /// The JSON cannot be read, or is not what it should be.
    init(_ error: JSONError) {
        self.init(.badRequest, error.description, field: error.path.isEmpty ? nil : error.path)
    }

    /// A value cannot be taken; `place` is where it stands.
    init(_ status: HTTPResponse.Status, _ error: InvalidValue, at place: String) {
        self.init(status, "\(place): \(error.problem)", field: place)
    }

    init(_ error: StoreError) {
        switch error.code {
        case .overloaded: self.init(.tooManyRequests, "More orders are coming in than can be kept: try again soon.")
        case .unavailable, .full, .closed: self.init(.serviceUnavailable, "Orders cannot be kept now: \(error)")
        case .corrupt, .fenced: self.init(.internalServerError, "\(error)")
        }
        if status != .internalServerError { retryAfter = 1 }
    }

    init(_ error: ImageStoreError) {
        switch error.code {
        case .notFound: self.init(.notFound, "There is no such image: \(error)")
        case .notAFile: self.init(.unprocessableContent, "That is not a file: \(error)")
        case .tooLarge: self.init(.contentTooLarge, "The image is too large: \(error)")
        case .full, .unavailable: self.init(.serviceUnavailable, "Images cannot be kept or read now: \(error)")
        case .corrupt: self.init(.internalServerError, "\(error)")
        }
        if status == .serviceUnavailable { retryAfter = 1 }
    }

    /// Orders that would not get any further must not look as if they did.
    static var busAway: Problem {
        var problem = Problem(.serviceUnavailable, "The message bus cannot be reached now: no order is taken.")
        problem.retryAfter = 1
        return problem
    }

    static func tooLarge(_ what: String, limit: Int) -> Problem {
        Problem(.contentTooLarge, "\(what) may have at most \(limit) bytes.")
    }
}
