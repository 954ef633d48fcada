import MillraceCore
import Testing

@Suite struct OrderTests {
    static func parse(_ text: String) throws -> [OrderRequest] { try OrderRequest.parse(file: Array(text.utf8)) }

    @Test("a file holds one order, an array, or one per line")
    func files() throws {
        let one = #"{ "id": "a", "image": "cat.jpg", "tasks": ["blur"] }"#
        let other =
            #"{ "id": "b", "image": "file:///tmp/a%20b.png", "tasks": [{"name": "rotate", "parameters": {"angle": 90}}] }"#
        #expect(try Self.parse(one).map(\.id.text) == ["a"])
        #expect(try Self.parse("[\(one), \(other)]").map(\.id.text) == ["a", "b"])
        let lines = try Self.parse("\(one)\n\(other)\n")
        #expect(lines.map(\.image) == [.path("cat.jpg"), .path("/tmp/a b.png")])
        #expect(lines[1].tasks == [TaskCall(try TaskName("rotate"), parameters: ["angle": 90])])
    }

    @Test(
        "a wrong order is refused with the field's name",
        arguments: [
            (#"{"image":"x","tasks":["blur"]}"#, "id: is missing"),
            (#"{"id":"","image":"x","tasks":["blur"]}"#, "id: must have 1 to 128 characters, not 0"),
            (#"{"id":"a/b","image":"x","tasks":["blur"]}"#, "id: must be letters, digits, ‘.’, ‘_’ and ‘-’ only"),
            (#"{"id":"..","image":"x","tasks":["blur"]}"#, "id: must not be ‘..’"),
            (#"{"id":7,"image":"x","tasks":["blur"]}"#, "id: must be a string"),
            (#"{"id":"a","image":"","tasks":["blur"]}"#, "image: must not be empty"),
            (
                #"{"id":"a","image":"http://x/y","tasks":["blur"]}"#,
                "image: must be a path, a file: URL or sha256:…, not a URL of ‘http’"
            ),
            (
                #"{"id":"a","image":"sha256:12","tasks":["blur"]}"#,
                "image: must have 64 hexadecimal digits after ‘sha256:’"
            ),
            (#"{"id":"a","image":"x"}"#, "tasks: is missing"),
            (#"{"id":"a","image":"x","tasks":[]}"#, "tasks: must name at least one task"),
            (
                #"{"id":"a","image":"x","tasks":["Blur"]}"#,
                "tasks[0]: must be a–z, 0–9 and ‘-’ only, a letter first: ‘Blur’"
            ),
            (
                #"{"id":"a","image":"x","tasks":["system"]}"#,
                "tasks[0]: must not be ‘system’, a topic of Millrace's own"
            ),
            (
                #"{"id":"a","image":"x","tasks":["b",{"name":"c","speed":1}]}"#,
                "tasks[1].speed: is not a field of a task; those are name, parameters"
            ),
            (
                #"{"id":"a","image":"x","tasks":["b"],"colour":1}"#,
                "colour: is not a field of an order; those are id, image, tasks"
            ),
            (#"{"id":"a","id":"b","image":"x","tasks":["b"]}"#, "id: is there twice"),
        ])
    func refused(_ text: String, _ message: String) {
        let error = #expect(throws: JSONError.self) { try Self.parse(text) }
        #expect(error?.description == message)
    }

    @Test("the longest order is taken, a longer one is not")
    func limits() throws {
        func order(_ idLength: Int, _ tasks: Int) -> String {
            let names = Array(repeating: "\"blur\"", count: tasks).joined(separator: ",")
            return "{\"id\":\"\(String(repeating: "x", count: idLength))\",\"image\":\"i\",\"tasks\":[\(names)]}"
        }
        #expect(try Self.parse(order(128, 64)).count == 1)
        #expect(throws: JSONError.self) { try Self.parse(order(129, 64)) }
        #expect(throws: JSONError.self) { try Self.parse(order(128, 65)) }
    }

    @Test("equal content is equal whatever the order of parameters, and different where anything differs")
    func content() throws {
        let digits = String(repeating: "a", count: 64)
        func content(_ tasks: String) throws -> [UInt8] {
            try Order(parsing: Array("{\"id\":\"o\",\"image\":\"sha256:\(digits)\",\"tasks\":\(tasks)}".utf8))
                .canonicalContent
        }
        let first = try content(#"[{"name":"a","parameters":{"x":1,"y":2}}]"#)
        #expect(try content(#"[{"parameters":{"y":2,"x":1},"name":"a"}]"#) == first)
        #expect(try content(#"[{"name":"a","parameters":{"x":1,"y":3}}]"#) != first)
        #expect(try content(#"["a"]"#) == content(#"[{"name":"a"}]"#))
    }
}
