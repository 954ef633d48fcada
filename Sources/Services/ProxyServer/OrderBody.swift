import Hummingbird
import MillraceCore
import NIOCore

/// The orders of a request, as they were written.
struct OrderBody {
    var orders: [OrderRequest]
    /// An array was sent, and is answered.
    var isArray: Bool
    var bytes: Int

    /// Where a field of one of them stands: `[3].tasks[0]`, or just `tasks[0]` of an order that is alone.
    func place(_ index: Int, _ field: String) -> String { isArray ? "[\(index)].\(field)" : field }

    init(_ request: Request, settings: ProxySettings) async throws {
        let tooLarge = Problem.tooLarge("A request with orders", limit: settings.orderBodyLimit)
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > settings.orderBodyLimit {
            throw tooLarge
        }
        let bytes: [UInt8]
        do {
            bytes = Array(buffer: try await request.body.collect(upTo: settings.orderBodyLimit))
        } catch is NIOTooManyBytesError {
            throw tooLarge
        }
        try self.init(bytes, limit: settings.ordersPerRequest)
    }

    init(_ bytes: [UInt8], limit: Int) throws(Problem) {
        self.bytes = bytes.count
        do throws(JSONError) {
            (orders, isArray) = try JSONReader.read(bytes) { (reader) throws(JSONError) in
                guard reader.hasMore() else { throw JSONError("The request is empty: an order is expected.") }
                guard reader.nextIsArray() else { return ([try OrderRequest(from: &reader)], false) }
                var orders: [OrderRequest] = []
                try reader.array { (reader) throws(JSONError) in
                    guard orders.count < limit else {
                        throw JSONError("is too much: a request may have at most \(limit) orders")
                    }
                    orders.append(try OrderRequest(from: &reader))
                }
                return (orders, true)
            }
        } catch {
            throw Problem(error)
        }
        guard !orders.isEmpty else { throw Problem(.badRequest, "The array has no orders.") }
    }
}
