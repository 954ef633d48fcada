import MillraceCore
import MillracePorts
import Testing

@testable import MillraceApp

struct ClientDocumentTests {
    private func order(_ id: String = "o", state: String, steps: [(String, Int)]) throws -> OrderView {
        let steps = steps.map { state, attempt in
            #"{"task":"blur","state":"\#(state)","attempt":\#(attempt),"output":null,"usage":{"cpuSeconds":null}}"#
        }
        return try OrderView(
            json: Array(
                """
                {"id":"\(id)","state":"\(state)","reason":null,"image":"sha256:0","submittedAt":"2026-01-31T12:00:00Z",
                 "steps":[\(steps.joined(separator: ","))],"later":[1]}
                """.utf8))
    }

    @Test func `an order is read whatever fields a later version adds, and nulls are not zeros`() throws {
        let order = try order(state: "running", steps: [("running", 1)])
        #expect(order.state == .running)
        #expect(order.reason == nil)
        #expect(order.steps.first?.usage.cpu == nil)
        #expect(order.jsonText.contains("later"))
    }

    @Test func `an answer that is not an order names the field`() throws {
        let error = #expect(throws: JSONError.self) { try OrderView(json: Array(#"{"id":"o","state":"odd"}"#.utf8)) }
        #expect(error?.path == "state")
    }

    @Test func `a change of an order or a step is told once`() throws {
        var changes = OrderChanges()
        let told = { (order: OrderView) in changes.take(order).map { "\($0.step ?? -1) \($0.state)" } }
        #expect(told(try order(state: "accepted", steps: [("pending", 0), ("pending", 0)])) == ["-1 accepted"])
        let running = try order(state: "running", steps: [("running", 1), ("pending", 0)])
        #expect(told(running) == ["-1 running", "0 running"])
        #expect(told(running).isEmpty)
        #expect(told(try order(state: "running", steps: [("running", 2), ("pending", 0)])) == ["0 running"])
        #expect(
            told(try order(state: "failed", steps: [("failed", 2), ("skipped", 0)]))
                == ["0 failed", "1 skipped", "-1 failed"])
    }

    @Test func `a refusal of one order of an array says which`() {
        let answer = MillraceClient.Answer(
            status: 422,
            body: Array(#"{"status":422,"detail":"[3].tasks[0]: there is no task","field":"[3].tasks[0]"}"#.utf8))
        let problem = ServiceProblem(answer)
        #expect(problem?.code == .usage)
        #expect(problem?.ofArray?.index == 3)
        #expect(problem?.ofArray?.detail == "tasks[0]: there is no task")
    }

    @Test func `a round of polling is bounded, and every order's turn comes`() throws {
        let ids = try (0..<100).map { try OrderID("o\($0)") }
        var queue = PollQueue(ids + ids, window: 10)
        #expect(queue.pending.count == 100)
        var seen: Set<OrderID> = []
        for _ in 0..<20 {
            let round = queue.next()
            #expect(round.count == 10)
            #expect(Array(round.prefix(5)) == Array(ids.prefix(5)))
            seen.formUnion(round)
        }
        #expect(seen.count == 100)
        queue.remove(Set(ids.prefix(95)))
        #expect(queue.next() == Array(ids.suffix(5)))
        queue.remove(Set(ids))
        #expect(queue.isEmpty)
    }

    @Test func `pauses grow while nothing happens`() {
        var pause = PollPause()
        let pauses = (0..<6).map { _ in pause.after(somethingHappened: false) }
        #expect(pauses == [50, 100, 200, 400, 500, 500].map { Duration.milliseconds($0) })
        #expect(pause.after(somethingHappened: true) == .milliseconds(50))
    }

    @Test func `a record is one line, whatever its value is`() {
        var record = BusRecord(
            topic: "blur", partition: 2, offset: 7, key: "ORDER", value: Array("{\"a\":1,\n\"b\":2}".utf8),
            headers: [Header("order", "o")], publishedAt: Timestamp(microseconds: 0))
        #expect(record.line == #"blur/2@7 1970-01-01T00:00:00.000Z ORDER order=o {"a":1, "b":2}"#)
        record.value = nil
        #expect(record.line.hasSuffix(" (null)"))
        record.value = [0xFF]
        #expect(record.line.hasSuffix(" (1 bytes, no text)"))
        #expect(record.json.hasSuffix(#""valueHex":"ff"}"#))
    }
}
