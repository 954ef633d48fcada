import Crypto
import HTTPTypes
import Hummingbird
import Logging
import MillraceCore
import MillracePorts

// `POST /v1/orders`: one order or an array of them, all or none.
extension ProxyResponder {
    func submit(_ request: Request) async throws -> Response {
        let trace = TraceParent(of: request.headers)
        let body = try await OrderBody(request, settings: settings)
        try check.check(body)
        // Before anything is kept: a 202 says that the order will come to its tasks.
        guard !pump.isBusAway else { throw Problem.busAway }
        let new = try await newOrders(body, trace)
        let insertions = try await insert(new)
        try checkConflicts(new, insertions)
        publish(new, insertions, bytes: body.bytes)
        return try await answer(body, new, insertions, trace)
    }

    private func newOrders(_ body: OrderBody, _ trace: TraceParent) async throws -> [NewOrder] {
        var lookup = ImageLookup(images: images, root: settings.imageRoot)
        let now = settings.now()
        var orders: [NewOrder] = []
        orders.reserveCapacity(body.orders.count)
        for (index, request) in body.orders.enumerated() {
            let image = try await lookup.reference(of: request.image, at: body.place(index, "image"))
            let order = Order(id: request.id, image: image, tasks: request.tasks)
            let content = order.canonicalContent
            guard content.count <= settings.orderLimit else {
                var problem = Problem.tooLarge(body.isArray ? "[\(index)]" : "An order", limit: settings.orderLimit)
                problem.field = body.isArray ? "[\(index)]" : nil
                throw problem
            }
            orders.append(
                NewOrder(
                    order: order, contentHash: Self.sha256(content), submittedAt: now, traceparent: trace.text))
        }
        return orders
    }

    private func insert(_ new: [NewOrder]) async throws -> [Insertion] {
        do throws(StoreError) {
            let insertions = try await store.insert(new)
            if counters.stored(successfully: true) { logger.info("the store takes orders again") }
            return insertions
        } catch {
            // Whether the rows are there is not known: the pump looks.
            if error.code != .overloaded { pump.lostTrack() }
            if counters.stored(successfully: false) { logger.error("orders are refused: \(error)") }
            throw Problem(error)
        }
    }

    private func checkConflicts(_ new: [NewOrder], _ insertions: [Insertion]) throws {
        let conflicts = zip(new, insertions).filter { $1 == .conflict }.map(\.0.order.id)
        guard !conflicts.isEmpty else { return }
        let names = conflicts.map(\.text).joined(separator: ", ")
        var problem = Problem(.conflict, "There are other orders under these ids: \(names). No order was taken.")
        problem.field = "id"
        problem.conflicts = conflicts
        throw problem
    }

    /// What is durable by now is handed to the pump: what is new, and what was left unpublished before.
    private func publish(_ new: [NewOrder], _ insertions: [Insertion], bytes: Int) {
        let share = bytes / new.count + 1
        if insertions.count == 1 {
            if insertions[0] != .same(isPublished: true) { pump.offer([.init(order: new[0], bytes: share)]) }
            return
        }
        var seen: Set<OrderID> = []
        pump.offer(
            zip(new, insertions).compactMap { new, insertion in
                guard insertion != .same(isPublished: true), seen.insert(new.order.id).inserted else { return nil }
                return .init(order: new, bytes: share)
            })
    }

    private func answer(
        _ body: OrderBody, _ new: [NewOrder], _ insertions: [Insertion], _ trace: TraceParent
    ) async throws -> Response {
        var writer = JSONWriter(capacity: 512 * new.count)
        if body.isArray { writer.beginArray() }
        for (new, insertion) in zip(new, insertions) {
            var document = OrderDocument(accepted: new)
            // Where an order was there before, it may have come far.
            if insertion != .inserted, let record = try await store.order(new.order.id) {
                document = OrderDocument(record)
            }
            document.write(to: &writer)
        }
        if body.isArray { writer.endArray() }
        var headers = HTTPFields()
        trace.put(into: &headers)
        let accepted = insertions.count { $0 == .inserted }
        counters.accepted(accepted)
        if accepted > 0, !body.isArray { headers[.location] = OrderDocument.path(new[0].order.id) }
        return .json(accepted > 0 ? .accepted : .ok, writer.bytes, headers: headers)
    }

    private static func sha256(_ bytes: [UInt8]) -> String {
        var function = SHA256()
        bytes.withUnsafeBytes { function.update(bufferPointer: $0) }
        var text: [UInt8] = []
        text.reserveCapacity(64)
        for byte in function.finalize() {
            for digit in [byte >> 4, byte & 15] { text.append(digit + (digit < 10 ? 0x30 : 0x57)) }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
