import AsyncHTTPClient
import MillraceCore
import NIOCore

extension MillraceClient {
    /// - Throws: `noSuchOrder`.
    func order(_ id: OrderID) async throws -> OrderView {
        let answer = try await get("/v1/orders/\(id)")
        if answer.status == 404, ServiceProblem(answer) != nil {
            throw Failure(.noSuchOrder, "millrace: there is no order ‘\(id)’")
        }
        guard answer.isSuccess else { throw failure(answer) }
        return try reading { () throws(JSONError) in try OrderView(json: answer.body) }
    }

    /// Orders, newest first, page by page, at most `limit` of them.
    func orders(state: OrderState?, limit: Int) async throws -> [OrderView] {
        var found: [OrderView] = []
        var cursor: String?
        repeat {
            var path = "/v1/orders?limit=\(min(1000, limit - found.count))"
            if let state { path += "&state=\(state.rawValue)" }
            if let cursor { path += "&cursor=\(cursor)" }
            let answer = try await get(path)
            guard answer.isSuccess else { throw failure(answer) }
            let page = try reading { () throws(JSONError) in try OrderPage(json: answer.body) }
            found += page.orders
            cursor = page.orders.isEmpty ? nil : page.next
        } while cursor != nil && found.count < limit
        return found
    }

    func tasks() async throws -> (json: [UInt8], tasks: [TaskView]) {
        let answer = try await get("/v1/tasks")
        guard answer.isSuccess else { throw failure(answer) }
        return (answer.body, try reading { () throws(JSONError) in try TaskView.list(json: answer.body) })
    }

    /// Uploads a file as it is read.
    /// - Returns: the answer, which may be a refusal.
    func upload(_ path: String, note: (String) -> Void) async throws -> Answer {
        try await patiently(note) {
            let file = try FileBody(path: path)
            // As long as the largest image takes on a slow line.
            return try await post(
                "/v1/images", type: "application/octet-stream", timeout: .minutes(30),
                body: .stream(file, length: .known(Int64(file.size))))
        }
    }

    /// Sends orders; one that is alone is sent as itself, several as an array, of which all or none are taken.
    /// - Returns: the answer, which may be a refusal.
    func submit(_ orders: ArraySlice<Order>, note: (String) -> Void) async throws -> Answer {
        var writer = JSONWriter(capacity: 256 * orders.count)
        if orders.count == 1, let order = orders.first {
            order.write(to: &writer)
        } else {
            writer.beginArray()
            for order in orders { order.write(to: &writer) }
            writer.endArray()
        }
        let bytes = writer.bytes
        return try await patiently(note) {
            try await post("/v1/orders", type: "application/json", body: .bytes(bytes))
        }
    }

    /// The most times that a service which asks for patience is asked again.
    static let patience = 20

    /// Waits and tries again where the service says when to.
    private func patiently(_ note: (String) -> Void, _ attempt: () async throws -> Answer) async throws -> Answer {
        for _ in 0..<Self.patience {
            let answer = try await attempt()
            guard answer.status == 429 || answer.status == 503, let seconds = answer.retryAfter else { return answer }
            let wait = min(max(1, seconds), 30)
            let reason = ServiceProblem(answer)?.detail ?? "status \(answer.status)"
            note("millrace: \(Wording.oneLine(reason)) Trying again in \(wait) s.")
            try await Task.sleep(for: .seconds(wait))
        }
        return try await attempt()
    }
}
