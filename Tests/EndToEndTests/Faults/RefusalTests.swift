import MillraceCore
import MillraceTesting
import Platform
import Testing

@testable import MillraceApp

extension EndToEnd {
    /// A bad request is refused with the field that is wrong, changes nothing, and stops nothing.
    @Suite struct RefusalTests {
        struct Bad: Sendable {
            var what: String
            var body: String
            var status: Int
            var field: String?
            /// Of the detail.
            var words: String
        }

        /// `IMAGE` stands for the reference of an image that is there.
        static let bad: [Bad] = [
            Bad(what: "nothing", body: "", status: 400, words: "empty"),
            Bad(
                what: "half an order", body: #"{"id": "a", "image":"#, status: 400, field: "image",
                words: "not valid JSON"),
            Bad(what: "no order", body: "7", status: 400, words: "object"),
            Bad(
                what: "an unknown field", body: #"{"id": "a", "image": "IMAGE", "tasks": ["noop"], "colour": 1}"#,
                status: 400, field: "colour", words: "not a field"),
            Bad(
                what: "a field twice", body: #"{"id": "a", "id": "b", "image": "IMAGE", "tasks": ["noop"]}"#,
                status: 400, field: "id", words: "twice"),
            Bad(
                what: "no tasks", body: #"{"id": "a", "image": "IMAGE"}"#, status: 400, field: "tasks", words: "missing"
            ),
            Bad(
                what: "too many tasks", body: #"{"id": "a", "image": "IMAGE", "tasks": [\#(manyTasks)]}"#, status: 400,
                field: "tasks[64]", words: "at most 64"),
            Bad(
                what: "an unknown task", body: #"{"id": "a", "image": "IMAGE", "tasks": ["noop", "nop"]}"#, status: 422,
                field: "tasks[1]", words: "‘nop’"),
            Bad(
                what: "a name that is no task's", body: #"{"id": "a", "image": "IMAGE", "tasks": ["../x"]}"#,
                status: 400, field: "tasks[0]", words: "a–z"),
            Bad(
                what: "a wrong parameter",
                body: #"{"id": "a", "image": "IMAGE", "tasks": [{"name": "blur", "parameters": {"sigma": "much"}}]}"#,
                status: 422, field: "tasks[0].parameters.sigma", words: "\"much\""),
            Bad(
                what: "an unknown parameter",
                body: #"{"id": "a", "image": "IMAGE", "tasks": [{"name": "noop", "parameters": {"loud": true}}]}"#,
                status: 422, field: "tasks[0].parameters.loud", words: "not a parameter"),
            Bad(
                what: "a long id", body: #"{"id": "\#(long)", "image": "IMAGE", "tasks": ["noop"]}"#, status: 400,
                field: "id", words: "128"),
            Bad(
                what: "an id that is a path", body: #"{"id": "../a", "image": "IMAGE", "tasks": ["noop"]}"#,
                status: 400, field: "id", words: "letters"),
            Bad(
                what: "an id that is a folder's", body: #"{"id": "..", "image": "IMAGE", "tasks": ["noop"]}"#,
                status: 400, field: "id", words: "‘..’"),
            Bad(
                what: "a way out of the image root", body: #"{"id": "a", "image": "../secret.png", "tasks": ["noop"]}"#,
                status: 400, field: "image", words: "inside"),
            Bad(
                what: "an absolute path", body: #"{"id": "a", "image": "/etc/hostname", "tasks": ["noop"]}"#,
                status: 400, field: "image", words: "inside"),
            Bad(
                what: "an image that is not there", body: #"{"id": "a", "image": "none.jpg", "tasks": ["noop"]}"#,
                status: 422, field: "image", words: "no such file"),
            Bad(
                what: "a folder", body: #"{"id": "a", "image": ".", "tasks": ["noop"]}"#,
                status: 422, field: "image", words: "not a file"),
            Bad(
                what: "an image that was not uploaded",
                body: #"{"id": "a", "image": "sha256:\#(zeros)", "tasks": ["noop"]}"#, status: 422, field: "image",
                words: "/v1/images"),
            Bad(
                what: "a step's output", body: #"{"id": "a", "image": "output:control/0/x", "tasks": ["noop"]}"#,
                status: 400, field: "image", words: "output"),
            Bad(
                what: "a good order and a bad one",
                body: """
                    [{"id": "a", "image": "IMAGE", "tasks": ["noop"]}, {"id": "b", "image": "IMAGE", "tasks": ["nop"]}]
                    """, status: 422, field: "[1].tasks[0]", words: "‘nop’"),
            Bad(
                what: "too much", body: #"{"id": "a"\#(String(repeating: " ", count: 200_001))"#, status: 413,
                words: "200000"),
            Bad(
                what: "a deep hole",
                body: #"{"id": "a", "image": "IMAGE", "tasks": [{"name": "copy", "parameters": {"x": \#(deep)"#,
                status: 400, field: "tasks[0].parameters.x" + String(repeating: "[0]", count: 60), words: "deep"),
        ]

        private static let long = String(repeating: "x", count: 129)
        private static let zeros = String(repeating: "0", count: 64)
        private static let deep = String(repeating: "[", count: 100_000)
        private static let manyTasks = Array(repeating: #""noop""#, count: 65).joined(separator: ", ")

        @Test func `a bad order is refused with its field, and changes nothing`() async throws {
            try await FaultSite.with { site, image in
                for bad in Self.bad {
                    let body = bad.body.replacing("IMAGE", with: image.description)
                    let answer = try #require(await site.http.post("/v1/orders", body), "\(bad.what): no answer")
                    #expect(answer.status == bad.status, "\(bad.what): \(answer)")
                    #expect(answer.field == bad.field, "\(bad.what): \(answer)")
                    #expect(answer.detail.contains(bad.words), "\(bad.what): \(answer)")
                    #expect(answer.detail.utf8.count < 500, "\(bad.what): \(answer)")
                }
                #expect(try await site.allOrders().isEmpty)
                try await site.expectControlFinishes("control", image)
            }
        }

        @Test func `another order under an id is a conflict, and the first one stands`() async throws {
            try await FaultSite.with { site, image in
                try await site.expectControlFinishes("control", image)
                let other = try site.order("control", ["noop"], image: image)
                let answer = try #require(await site.http.ask("POST", "/v1/orders", body: other.encoded))
                #expect(answer.status == 409, "\(answer)")
                #expect(answer.field == "id", "\(answer)")
                let same = try site.order("control", ["copy", "noop", "copy"], image: image)
                #expect(await site.http.ask("POST", "/v1/orders", body: same.encoded)?.status == 200)
                #expect(try await site.view(same.id).steps.count == 3)
            }
        }

        @Test func `bytes that are no text are refused`() async throws {
            try await FaultSite.with { site, image in
                let bytes = Array(#"{"id": ""#.utf8) + [0xFF, 0xFE, 0x00] + Array(#"", "tasks": []}"#.utf8)
                let answer = try #require(await site.http.ask("POST", "/v1/orders", body: bytes))
                #expect(answer.status == 400, "\(answer)")
                #expect(await site.http.get("/v1/orders/%00%FF")?.status == 400)
                #expect(await site.http.get("/v1/orders?limit=many")?.status == 400)
                #expect(await site.http.ask("DELETE", "/v1/orders")?.status == 405)
                #expect(await site.http.ask("POST", "/v1/images", body: [])?.status == 400)
                try await site.expectControlFinishes("control", image)
            }
        }
    }
}
