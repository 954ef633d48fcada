import HTTPTypes
import Hummingbird
import HummingbirdCore
import MillraceCore
import MillracePorts

// `GET /v1/orders/{id}` and `GET /v1/orders`.
extension ProxyResponder {
    func order(_ id: String) async throws -> Response {
        let record = try await record(id)
        return .json(.ok, OrderDocument(record).encoded)
    }

    func record(_ text: String) async throws -> OrderRecord {
        let id: OrderID
        do throws(InvalidValue) {
            id = try OrderID(text)
        } catch {
            throw Problem(.badRequest, error, at: "id")
        }
        guard let record = try await store.order(id) else {
            throw Problem(.notFound, "There is no order ‘\(id)’.")
        }
        return record
    }

    func list(_ request: Request) async throws -> Response {
        let page = try Page(request.uri)
        // One more than was asked for tells whether there is a next page.
        var records = try await store.orders(state: page.state, limit: page.limit + 1, after: page.cursor)
        let hasMore = records.count > page.limit
        if hasMore { records.removeSubrange(page.limit...) }
        var writer = JSONWriter(capacity: 64 + 1024 * records.count)
        writer.beginObject()
        writer.key("orders")
        writer.beginArray()
        for record in records { OrderDocument(record).write(to: &writer) }
        writer.endArray()
        writer.field("next", orNull: hasMore ? records.last.map { String($0.number) } : nil)
        writer.endObject()
        return .json(.ok, writer.bytes)
    }
}

/// The query of a listing.
struct Page: Hashable {
    var state: OrderState?
    var limit = 100
    var cursor: Int64?

    static let limits = 1...1000

    init(_ uri: URI) throws(Problem) {
        try Query.read(uri, known: ["state", "limit", "cursor"]) { (key, value) throws(InvalidValue) in
            switch key {
            case "state":
                guard let state = OrderState(rawValue: value) else {
                    let states = OrderState.allCases.map(\.rawValue).joined(separator: ", ")
                    throw InvalidValue(field: key, "must be one of \(states)")
                }
                self.state = state
            case "limit": limit = try Query.number(value, in: Self.limits)
            default:
                guard let cursor = Int64(value), cursor >= 0 else {
                    throw InvalidValue(field: key, "must be what ‘next’ was in the listing before")
                }
                self.cursor = cursor
            }
        }
    }
}
