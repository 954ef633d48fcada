import MillraceCore
import Testing

@Suite struct MessageTests {
    static func order() throws -> Order {
        Order(
            id: try OrderID("order-42"), image: .content(sha256: String(repeating: "0a", count: 32)),
            tasks: [TaskCall(try TaskName("resize"), parameters: ["width": 4]), TaskCall(try TaskName("blur"))])
    }

    static func report(_ outcome: StepOutcome) throws -> RunReport {
        RunReport(
            run: try RunID("0123456789abcdef"), attempt: 2, outcome: outcome,
            startedAt: Timestamp(microseconds: 1_000_001), finishedAt: Timestamp(microseconds: 2_000_000),
            totals: RunTotals(cpu: .milliseconds(12), peakRAM: 1 << 20, diskRead: nil, diskWritten: 0),
            instance: "resize-1")
    }

    @Test("messages of the orchestrator topic come back as they were sent")
    func orchestrator() throws {
        let order = try Self.order()
        let output = ImageReference.output(StepKey(order: order.id, index: 0), file: "output.jpg")
        let messages: [OrchestratorMessage] = [
            .start(order),
            .progress(.init(order: order, step: 0, report: try Self.report(.finished(output: output)))),
            .progress(.init(order: order, step: 1, report: try Self.report(.failed(reason: "a \"b\"\n")))),
            .service(ServiceRequest(task: try TaskName("blur"), replicas: 3, number: 7, reason: "because")),
            .owner(.init(task: try TaskName("blur"), instance: "blur-1", partitions: [0, 3], isFree: true)),
        ]
        for message in messages {
            #expect(try OrchestratorMessage.decode(key: message.kind, value: message.encoded) == message)
        }
    }

    @Test("messages of the other topics come back as they were sent")
    func others() throws {
        let order = try Self.order()
        let step = StepKey(order: order.id, index: 1)
        let blur = try TaskName("blur")
        let run = try RunID("f00")
        let at = Timestamp(microseconds: 5)
        let system: [SystemMessage] = [
            .orderStarted(order.id, tasks: order.tasks.map(\.name), at: at), .orderEnded(order.id, .finished, at: at),
            .orderEnded(order.id, .failed(reason: "r"), at: at), .orderEnded(order.id, .cancelled(reason: "c"), at: at),
            .stepStarted(.init(step: step, task: blur, run: run, instance: "i", at: at)),
            .stepEnded(.init(step: step, task: blur, report: try Self.report(.finished(output: order.image)))),
            .instance(InstanceReport(task: blur, current: nil, desired: 2, number: 1, partitions: 4, problem: "p")),
        ]
        for message in system {
            #expect(try SystemMessage.decode(key: message.kind, value: message.encoded) == message)
        }
        let resource: [ResourceMessage] = [
            .start(
                .init(
                    step: step, task: blur, run: run, target: .init(node: "n", kind: .process(pid: 7, startTicks: 9)),
                    at: at)),
            .start(
                .init(
                    step: step, task: blur, run: run, target: .init(node: "n", kind: .pod(uid: "u")), at: at,
                    uptime: 123_456_789,
                    counters: UsageCounters(cpu: .microseconds(1_234_567), diskRead: 1, diskWritten: 1 << 50))),
            .start(
                .init(
                    step: step, task: blur, run: run,
                    target: .init(node: "n", kind: .children(ofPID: 7, startTicks: 9)), at: at)),
            .halt(.init(step: step, run: run, totals: RunTotals(cpu: .seconds(1)), at: at)),
            .halt(
                .init(
                    step: step, run: run,
                    totals: RunTotals(
                        cpu: .microseconds(1), peakRAM: 2, diskRead: 3, diskWritten: 4, waiting: .microseconds(5),
                        running: .seconds(6)), at: at)),
        ]
        for message in resource {
            #expect(try ResourceMessage.decode(key: message.kind, value: message.encoded) == message)
        }
        let work = StepMessage(order: order, step: 1, input: order.image, readyAt: at)
        #expect(try StepMessage.decode(key: work.kind, value: work.encoded) == work)
    }

    @Test("amounts that could not be added up are refused", arguments: ["-1", "2305843009213693952"])
    func amounts(_ amount: String) {
        let value = #"{"v":1,"order":"a","step":0,"run":"1","diskReadBytes":\#(amount),"at":"2026-01-01T00:00:00Z"}"#
        #expect(throws: MessageError.self) { try ResourceMessage.decode(key: "HALT", value: Array(value.utf8)) }
    }

    @Test("fields of a later minor change are passed over")
    func unknownFields() throws {
        let value = #"{"v":1,"task":"blur","replicas":1,"number":2,"colour":{"deep":[1]},"reason":"r"}"#
        let expected = ServiceRequest(task: try TaskName("blur"), replicas: 1, number: 2, reason: "r")
        #expect(try OrchestratorMessage.decode(key: "SERVICE", value: Array(value.utf8)) == .service(expected))
    }

    @Test(
        "a record that is no message is refused with its reason",
        arguments: [
            (nil, #"{"v":1}"#, "the record has no key, which should be the message's kind"),
            ("START", nil, "the record of kind START has no value"),
            ("START", "{", "START: is not valid JSON: expected a field's name in quotes at byte 1"),
            ("NONSENSE", #"{"v":1}"#, "NONSENSE: is not a kind of message of this topic"),
            ("START", #"{"v":2,"order":{}}"#, "START: v: is 2; this Millrace reads 1"),
            ("START", #"{"order":{}}"#, "START: order: is before the version ‘v’, which must come first"),
            ("START", #"{"v":1}"#, "START: order: is missing"),
            ("SERVICE", #"{"v":1,"task":"blur","replicas":-1,"number":1}"#, "SERVICE: replicas: must be 0 to 100000"),
        ] as [(String?, String?, String)])
    func poison(_ key: String?, _ value: String?, _ reason: String) {
        let error = #expect(throws: MessageError.self) {
            try OrchestratorMessage.decode(key: key, value: value.map { Array($0.utf8) })
        }
        #expect(error?.description == reason)
    }

    @Test("a poison message that names an order says which")
    func poisonOrder() {
        let error = #expect(throws: MessageError.self) {
            try OrchestratorMessage.decode(
                key: "PROGRESS", value: Array(#"{"v":1,"order":{"id":"o-7"},"step":"one"}"#.utf8))
        }
        #expect(error?.order?.text == "o-7")
    }
}
