import HTTPTypes
import MillraceCore
import MillracePorts
import ProxyServer
import Testing

@Suite(.timeLimit(.minutes(1))) struct SubmissionTests {
    @Test("a new order is answered with 202, where it is and its document, and is published")
    func accepts() async throws {
        let world = try await World()
        let image = try await world.image()
        try await world.serve { client async throws in
            let answer = try await client.post("/v1/orders", order("a.1", image))
            #expect(answer.status == 202)
            #expect(answer.headers[.location] == "/v1/orders/a.1")
            #expect(answer.headers[.contentType] == "application/json")
            let document = try OrderDocument(parsing: answer.bytes)
            #expect(document.id == "a.1" && document.state == .accepted && document.image == image)
            #expect(document.steps.map(\.task) == ["resize", "blur"])
            #expect(try await client.get("/v1/orders/a.1").bytes == answer.bytes)
            let start = try await world.starts().next()
            #expect(start.order.id.text == "a.1")
            await world.store.waitForMarks(1)
            #expect(try await world.store.unpublished(limit: 1).isEmpty)
        }
    }

    @Test("the same order again is 200 and not published again; another under its id is 409 and changes nothing")
    func repeats() async throws {
        let world = try await World()
        let image = try await world.image()
        try await world.serve { client async throws in
            #expect(try await client.post("/v1/orders", order("a", image)).status == 202)
            await world.store.waitForMarks(1)
            let same = try await client.post("/v1/orders", order("a", image, "[{\"name\":\"resize\"},\"blur\"]"))
            #expect(same.status == 200 && same.headers[.location] == nil)
            let other = try await client.post("/v1/orders", order("a", image, "[\"blur\"]"))
            #expect(try other.problem(409) == "id")
            #expect(try other.json()["conflicts"] == ["a"])
            #expect(try OrderDocument(parsing: same.bytes).steps.count == 2)
            #expect(try await client.post("/v1/orders", order("b", image)).status == 202)
            let starts = try await world.starts()
            #expect(try await starts.next().order.id.text == "a")
            #expect(try await starts.next().order.id.text == "b")
        }
    }

    @Test("an array is taken as a whole or not at all")
    func arrays() async throws {
        let world = try await World()
        let image = try await world.image()
        try await world.serve { client async throws in
            let both = try await client.post("/v1/orders", "[\(order("a", image)), \(order("b", image))]")
            #expect(both.status == 202 && both.headers[.location] == nil)
            #expect(try JSONValue(parsing: both.bytes).asArray?.count == 2)
            let mixed = try await client.post(
                "/v1/orders",
                "[\(order("c", image)), \(order("a", image, "[\"blur\"]")), \(order("b", image, "[\"blur\"]"))]")
            _ = try mixed.problem(409)
            #expect(try mixed.json()["conflicts"] == ["a", "b"])
            #expect(try await client.get("/v1/orders/c").problem(404) == nil)
            let invalid = try await client.post(
                "/v1/orders", "[\(order("c", image)), \(order("d", image, "[\"nope\"]"))]")
            #expect(try invalid.problem(422) == "[1].tasks[0]")
            #expect(try await client.get("/v1/orders/c").status == 404)
            let again = try await client.post("/v1/orders", "[\(order("a", image)), \(order("b", image))]")
            #expect(again.status == 200)
            let twice = try await client.post("/v1/orders", "[\(order("e", image)), \(order("e", image))]")
            #expect(twice.status == 202)
            await world.store.waitForMarks(3)
            let starts = try await world.starts()
            for id in ["a", "b", "e"] { #expect(try await starts.next().order.id.text == id) }
        }
    }

    @Test(
        "what cannot be taken is told with the field that is wrong",
        arguments: [
            ("", 400, nil), ("{", 400, nil), ("[]", 400, nil), ("7", 400, nil), ("{} {}", 400, "id"),
            ("{\"id\":\"a\",\"image\":\"IMAGE\",\"tasks\":[\"blur\"],\"x\":1}", 400, "x"),
            ("{\"image\":\"IMAGE\",\"tasks\":[\"blur\"]}", 400, "id"),
            (order("a/b", "IMAGE"), 400, "id"), (order("..", "IMAGE"), 400, "id"),
            (order("a", "IMAGE", "[]"), 400, "tasks"), (order("a", "IMAGE", "[\"A\"]"), 400, "tasks[0]"),
            (order("a", "IMAGE", "[\"blur\",{\"name\":\"blur\",\"q\":1}]"), 400, "tasks[1].q"),
            (order("a", "IMAGE", "[\"blur\",\"nope\"]"), 422, "tasks[1]"),
            (
                order("a", "IMAGE", "[\"blur\",{\"name\":\"resize\",\"parameters\":{\"width\":-1}}]"), 422,
                "tasks[1].parameters.width"
            ),
            (order("a", "sha256:12"), 400, "image"), (order("a", "http://x/y"), 400, "image"),
            (order("a", "output:b/0/c.jpg"), 400, "image"),
            (order("a", "sha256:" + String(repeating: "0", count: 64)), 422, "image"),
            (order("a", "photo.jpg"), 400, "image"),
            ("[\(order("a", "IMAGE")), \(order("b", "sha256:12"))]", 400, "[1].image"),
            ("[\(order("a", "IMAGE")), 7]", 400, "[1]"),
        ] as [(String, Int, String?)])
    func refuses(body: String, status: Int, field: String?) async throws {
        let world = try await World()
        let image = try await world.image()
        try await world.serve { client async throws in
            let answer = try await client.post("/v1/orders", body.replacing("IMAGE", with: image))
            #expect(try answer.problem(status) == field)
            #expect(try await world.store.base.orders(state: nil, limit: 1, after: nil).isEmpty)
        }
    }

    @Test("more bytes, more orders or a larger order than may be are refused")
    func limits() async throws {
        let world = try await World()
        let image = try await world.image()
        try await world.serve {
            $0.orderBodyLimit = 2000
            $0.orderLimit = 500
            $0.ordersPerRequest = 2
        } _: { client async throws in
            let long = String(repeating: " ", count: 2000)
            _ = try await client.post("/v1/orders", order("a", image) + long).problem(413)
            let three = (0..<3).map { order("a\($0)", image) }.joined(separator: ",")
            #expect(try await client.post("/v1/orders", "[\(three)]").problem(400) == "[2]")
            let text = String(repeating: "x", count: 600)
            let large = order("a", image, "[{\"name\":\"blur\",\"parameters\":{\"note\":\"\(text)\"}}]")
            _ = try await client.post("/v1/orders", large).problem(413)
            #expect(try await client.post("/v1/orders", order("a", image)).status == 202)
        }
    }

    @Test(
        "a store that is away, full or overloaded is told as such",
        arguments: [(StoreError.Code.overloaded, 429), (.unavailable, 503), (.full, 503), (.closed, 503)])
    func storeFailures(code: StoreError.Code, status: Int) async throws {
        let world = try await World()
        let image = try await world.image()
        try await world.serve { client async throws in
            world.store.refuse(StoreError(code, "testing"))
            let answer = try await client.post("/v1/orders", order("a", image))
            _ = try answer.problem(status)
            #expect(answer.headers[.retryAfter] == "1")
            if status == 503 { _ = try await client.get("/v1/orders/a").problem(503) }
            world.store.refuse(nil)
            #expect(try await client.post("/v1/orders", order("a", image)).status == 202)
        }
    }

    @Test("a valid traceparent is carried and returned; otherwise there is a new one")
    func traces() async throws {
        let world = try await World()
        let image = try await world.image()
        let name = try #require(HTTPField.Name("traceparent"))
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        try await world.serve { client async throws in
            let given = try await client.post("/v1/orders", order("a", image), headers: [name: trace])
            #expect(given.headers[name] == trace)
            let none = "00-00000000000000000000000000000000-00f067aa0ba902b7-01"
            let made = try await client.post("/v1/orders", order("b", image), headers: [name: none])
            let new = try #require(made.headers[name])
            #expect(new != none && new.count == 55)
            let starts = try await world.starts()
            #expect(try await starts.next().trace == trace)
            #expect(try await starts.next().trace == new)
        }
    }
}
