import MillraceCore
import MillracePorts
import MillraceTesting
import Platform
import SQLiteBus

@testable import MillraceApp

extension Site {
    /// Uploads bytes as an image.
    func upload(_ bytes: [UInt8]) async throws -> ImageReference {
        let answer: HTTP.Answer = try await eventually("the upload's answer") {
            await http.ask("POST", "/v1/images", body: bytes)
        }
        try expect([200, 201].contains(answer.status), "an upload was answered with \(answer)")
        return try ImageReference(parsing: answer.json["image"]?.asString ?? "")
    }

    func order(
        _ id: String, _ tasks: [String], image: ImageReference, parameters: [String: JSONValue] = [:]
    ) throws -> Order {
        Order(
            id: try OrderID(id), image: image,
            tasks: try tasks.map { TaskCall(try TaskName($0), parameters: parameters) })
    }

    /// Submits an order until there is an answer, as a careful client does: without one, nobody knows whether it was
    /// taken. One that was is the same order then.
    func submit(_ order: Order) async throws {
        try await eventually("an answer to \(order.id)") {
            guard let answer = await http.ask("POST", "/v1/orders", body: order.encoded) else { return false }
            if answer.status == 503 || answer.status == 429 { return false }
            try expect([200, 202].contains(answer.status), "\(order.id) was answered with \(answer)")
            return true
        }
    }

    func view(_ id: OrderID) async throws -> OrderView {
        let answer: HTTP.Answer = try await eventually("an answer about \(id)") { await http.get("/v1/orders/\(id)") }
        try expectEqual(answer.status, 200, "GET \(id): \(answer)")
        return try OrderView(json: answer.body)
    }

    /// Waits until an order has ended, and its steps with it: the last step's account comes after the order's end.
    func end(of id: OrderID, within timeout: Duration = .seconds(30)) async throws -> OrderView {
        try await eventually("the end of \(id)", within: timeout) {
            let view = try await view(id)
            return view.state.hasEnded && view.steps.allSatisfy(\.state.hasEnded) ? view : nil
        }
    }

    /// Everything that can be listed.
    func allOrders() async throws -> [OrderView] {
        let answer: HTTP.Answer = try await eventually("a listing") { await http.get("/v1/orders?limit=1000") }
        return try OrderPage(json: answer.body).orders
    }

    /// How many records the groups of all topics that are read have not committed.
    func lag(tasks: [String]) async throws -> Int {
        try await withBus { bus in
            var lag = 0
            for topic in tasks + [Topic.orchestrator] {
                lag += try await bus.describe(group: topic, topic: topic)
                    .lag(in: try await bus.describe(topic: topic))
            }
            return lag
        }
    }

    /// Every dead letter there is.
    func deadLetters() async throws -> [BusRecord] {
        try await withBus { bus in
            let partitions = try await bus.describe(topic: Topic.deadLetter).partitions
            let count = partitions.reduce(0) { $0 + Int($1.end - $1.begin) }
            guard count > 0 else { return [] }
            let from = Dictionary(uniqueKeysWithValues: partitions.map { ($0.number, $0.begin) })
            let reader = try await bus.read(topic: Topic.deadLetter, from: from)
            var letters: [BusRecord] = []
            while letters.count < count { letters += try await reader.next(limit: 1000) }
            await reader.close()
            return letters
        }
    }
}

/// The photographs that the examples come with.
enum Photo {
    static func bytes(_ name: String) throws -> [UInt8] {
        let root = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        return try readFile("/\(root)/Examples/photos/\(name)")
    }
}
