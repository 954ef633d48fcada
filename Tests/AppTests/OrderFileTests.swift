import MillraceCore
import MillraceTesting
import Testing

@testable import MillraceApp

struct OrderFileTests {
    private func file(_ name: String, _ text: String) throws(Failure) -> OrderFile {
        try OrderFile(name, bytes: Array(text.utf8))
    }

    private let one = #"{"id":"a","image":"x.jpg","tasks":["resize"]}"#

    @Test(arguments: [
        ("orders.json", "x.jpg", "x.jpg"),
        ("jobs/orders.json", "x.jpg", "jobs/x.jpg"),
        ("jobs/orders.json", "./photos/x.jpg", "jobs/photos/x.jpg"),
        ("jobs/orders.json", "../x.jpg", "jobs/../x.jpg"),
        ("/jobs/orders.json", "x.jpg", "/jobs/x.jpg"),
        ("/orders.json", "x.jpg", "/x.jpg"),
        ("jobs/orders.json", "/photos/x.jpg", "/photos/x.jpg"),
        ("-", "photos/x.jpg", "photos/x.jpg"),
    ])
    func `an image's path is relative to its file`(name: String, image: String, path: String) throws {
        #expect(try file(name, one).path(ofImage: image) == path)
    }

    @Test func `a file URL is a path that is not relative to the file`() throws {
        let read = try file("jobs/o.json", #"{"id":"a","image":"file:///photos/my%20cat.jpg","tasks":["resize"]}"#)
        #expect(read.orders.first?.image == .path("/photos/my cat.jpg"))
        #expect(read.path(ofImage: "/photos/my cat.jpg") == "/photos/my cat.jpg")
    }

    @Test(arguments: [
        (
            #"[{"id":"a","image":"x","tasks":["resize"]},{"id":"b","image":"x","tasks":["resize",7]}]"#,
            "order 2: tasks[1]"
        ),
        ("{\"id\":\"a\",\"image\":\"x\",\"tasks\":[\"b\"]}\n{\"id\":\"a\",\"image\":\"x\"}", "order 2: tasks"),
        (#"{"id":"a","image":"x","tasks":["b"],"colour":1}"#, "colour"),
        (#"[7]"#, "order 1"),
    ])
    func `an error names the file, the order and the field`(text: String, place: String) {
        let failure = #expect(throws: Failure.self) { try file("orders.json", text) }
        #expect(failure?.code == .usage)
        #expect(failure?.message.hasPrefix("millrace: orders.json: \(place): ") == true, "\(failure?.message ?? "")")
    }

    @Test(arguments: ["", "[]", "  \n"])
    func `a file without orders is an error`(text: String) {
        #expect(throws: Failure.self) { try file("orders.json", text) }
    }

    @Test func `standard input can be read once only`() {
        #expect(throws: Failure.self) { try OrderFile.read(["-", "-"]) }
    }

    @Test func `an order is named by its number where there are several`() throws {
        #expect(try file("o.json", one).place(0) == "o.json")
        #expect(try file("o.json", "[\(one),\(one)]").place(1) == "o.json: order 2")
    }

    @Test func `requests are bounded in orders`() throws {
        let orders = try (0..<1201).map { try order($0) }
        #expect(Submission.requests(orders) == [0..<500, 500..<1000, 1000..<1201])
        #expect(Submission.requests([]).isEmpty)
    }

    @Test func `requests are bounded in bytes, but for an order that is larger alone`() throws {
        let large = String(repeating: "x", count: Submission.bytesPerRequest / 2)
        let orders = try [
            order(0), order(1, note: large), order(2, note: large), order(3, note: large + large), order(4),
        ]
        #expect(Submission.requests(orders) == [0..<2, 2..<3, 3..<4, 4..<5])
    }

    private func order(_ number: Int, note: String = "") throws -> Order {
        let image = ImageReference.content(sha256: String(repeating: "0", count: 64))
        let call = TaskCall(try TaskName("resize"), parameters: note.isEmpty ? [:] : ["note": .string(note)])
        return Order(id: try OrderID("o\(number)"), image: image, tasks: [call])
    }

    @Test func `an image that is missing, empty or a folder cannot be sent`() async throws {
        try await withTemporaryFolder { folder in
            #expect(throws: (any Error).self) { try FileBody(path: folder + "/none.jpg") }
            #expect(throws: (any Error).self) { try FileBody(path: folder) }
            try writeFile("", to: folder + "/empty.jpg")
            #expect(throws: (any Error).self) { try FileBody(path: folder + "/empty.jpg") }
            try writeFile("picture", to: folder + "/cat.jpg")
            #expect(try FileBody(path: folder + "/cat.jpg").size == 7)
        }
    }
}
