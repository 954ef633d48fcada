import HTTPTypes
import Hummingbird
import MillraceCore
import MillracePorts

// `GET /v1/orders/{id}/steps/{n}/output`: what a step put out, or what it passed on as it was.
extension ProxyResponder {
    func output(of step: String, in id: String, _ context: Context) async throws -> Response {
        guard let index = Int(step), index >= 0 else {
            throw Problem(.badRequest, "n: must be a step's number, from 0", field: "n")
        }
        let record = try await record(id)
        guard record.progress.steps.indices.contains(index) else {
            throw Problem(.notFound, "Order ‘\(id)’ has \(record.progress.steps.count) steps, counted from 0.")
        }
        guard let output = record.progress.steps[index].output else {
            throw Problem(
                .notFound, "Step \(index) is \(record.progress.steps[index].state): it has put nothing out.")
        }
        let path = try await images.path(of: output)
        let body: ResponseBody
        do {
            body = try await FileIO().loadFile(path: path, context: context)
        } catch is HTTPError {
            throw Problem(.notFound, "The output of step \(index) is gone.")
        }
        return Response(status: .ok, headers: Self.headers(for: output), body: body)
    }

    private static func headers(for output: ImageReference) -> HTTPFields {
        let file =
            switch output {
            case .output(_, let file): file
            case .content(let sha256): sha256
            }
        var headers: HTTPFields = [.contentType: mediaType(of: file)]
        headers[.contentDisposition] = disposition(file)
        // A command task may leave anything: a browser must neither guess what it is nor run what is in it.
        headers[.xContentTypeOptions] = "nosniff"
        headers[.contentSecurityPolicy] = "default-src 'none'; sandbox"
        return headers
    }

    static func mediaType(of file: String) -> String {
        guard let dot = file.lastIndex(of: "."), dot != file.startIndex else { return "application/octet-stream" }
        switch file[file.index(after: dot)...].lowercased() {
        // Those that Hummingbird does not know.
        case "webp": return "image/webp"
        case "avif": return "image/avif"
        case "heic": return "image/heic"
        case "jxl": return "image/jxl"
        case let name:
            guard let type = MediaType.getMediaType(forExtension: name) else { return "application/octet-stream" }
            return "\(type)"
        }
    }

    /// RFC 6266: a plain name that all understand, and the exact one where they differ.
    static func disposition(_ file: String) -> String {
        let isPlain = { (byte: UInt8) in (0x20..<0x7F).contains(byte) && byte != 0x22 && byte != 0x5C }
        let plain = String(decoding: file.utf8.map { isPlain($0) ? $0 : UInt8(ascii: "_") }, as: UTF8.self)
        guard plain != file else { return "inline; filename=\"\(plain)\"" }
        let exact = file.utf8.map { byte in
            let isFree = (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            if isFree || "-._~".utf8.contains(byte) { return String(UnicodeScalar(byte)) }
            return (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
        }
        return "inline; filename=\"\(plain)\"; filename*=UTF-8''\(exact.joined())"
    }
}
