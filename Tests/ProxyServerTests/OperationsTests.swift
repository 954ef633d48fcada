import HTTPTypes
import MillraceCore
import MillracePorts
import Testing

@testable import ProxyServer

@Suite(.timeLimit(.minutes(1))) struct OperationsTests {
    @Test(
        "each task of the configuration is told, with zeros before anything required it, and what cannot be read is null"
    )
    func tasks() async throws {
        let world = try await World()
        let resize = try TaskName("resize")
        let time = Timestamp(microseconds: 0)
        try await world.store.base.saveMonitor(
            MonitorSave(
                changes: MonitorChanges(),
                tasks: [
                    KeptScaler(
                        task: resize, demand: Demand(running: 1, upcoming: 2), desired: 3, number: 1,
                        lastDecision: ScalingDecision(task: resize, from: 0, to: 3, reason: "why", at: time),
                        instance: InstanceReport(
                            task: resize, current: nil, desired: 3, number: 1, partitions: 4, problem: "slow")),
                    KeptScaler(task: try TaskName("gone"), demand: Demand(), desired: 0, number: 1),
                ], offsets: [0: 1]), expected: [:])
        try await world.bus.publish([OutgoingRecord(topic: "resize", partition: 0, key: "ORDER", value: [])])
        try await world.serve { client async throws in
            let answer = try await client.get("/v1/tasks")
            #expect(
                try JSONValue(parsing: answer.bytes) == [
                    [
                        "task": "blur", "demand": ["running": 0, "upcoming": 0],
                        "replicas": ["current": 0, "desired": 0],
                        "partitions": 1, "lag": 0, "lastDecision": .null, "problem": .null,
                    ],
                    [
                        "task": "gone", "demand": ["running": 0, "upcoming": 0],
                        "replicas": ["current": .null, "desired": 0], "partitions": .null, "lag": .null,
                        "lastDecision": .null, "problem": .null,
                    ],
                    [
                        "task": "resize", "demand": ["running": 1, "upcoming": 2],
                        "replicas": ["current": .null, "desired": 3], "partitions": 1, "lag": 1,
                        "lastDecision": ["from": 0, "to": 3, "reason": "why", "at": .string(time.description)],
                        "problem": "slow",
                    ],
                ])
            let metrics = try await client.get("/metrics").text
            #expect(metrics.contains("millrace_task_lag{task=\"resize\"} 1\n"))
            #expect(!metrics.contains("millrace_task_lag{task=\"gone\"}"))
            #expect(!metrics.contains("millrace_task_replicas_current{task=\"resize\"}"))
            #expect(metrics.contains("millrace_task_upcoming{task=\"resize\"} 2\n"))
        }
    }

    @Test("health says what is away; liveness does not depend on it")
    func health() async throws {
        let world = try await World()
        try await world.serve { client async throws in
            #expect(try await client.get("/livez").status == 200)
            let ready = try await client.get("/readyz?verbose")
            #expect(ready.status == 200 && ready.text == "[+]store ok\n[+]bus ok\n[+]publishing ok\n")
            world.store.refuse(StoreError(.unavailable, "testing"))
            let away = try await client.get("/readyz?verbose")
            #expect(away.status == 503 && away.text.contains("[-]store failed: ") && away.text.contains("[+]bus ok"))
            #expect(try await client.get("/livez").status == 200)
            #expect(try await client.get("/readyz?x").problem(400) == "x")
            _ = try await client.get("/v1/tasks").problem(503)
            let metrics = try await client.get("/metrics")
            #expect(metrics.status == 200 && metrics.text.contains("millrace_store_up 0\n"))
            #expect(!metrics.text.contains("millrace_task_"))
        }
    }

    @Test("metrics count requests by route, method and status")
    func metrics() async throws {
        let world = try await World()
        let image = try await world.image()
        try await world.serve { client async throws in
            #expect(try await client.post("/v1/orders", order("a", image)).status == 202)
            #expect(try await client.get("/v1/orders/a").status == 200)
            #expect(try await client.get("/v1/orders/b").status == 404)
            await world.store.waitForMarks(1)
            let answer = try await client.get("/metrics")
            #expect(answer.headers[.contentType] == "text/plain; version=0.0.4; charset=utf-8")
            for line in [
                "millrace_http_requests_total{route=\"/v1/orders\",method=\"POST\",status=\"202\"} 1",
                "millrace_http_requests_total{route=\"/v1/orders/{id}\",method=\"GET\",status=\"404\"} 1",
                "millrace_orders_accepted_total 1", "millrace_orders_published_total 1",
                "millrace_publish_queue_orders 0", "millrace_bus_up 1", "millrace_store_up 1",
            ] { #expect(answer.text.contains(line + "\n"), "\(line)") }
        }
    }

    @Test("the OpenAPI document is JSON, has each route with its methods, and no reference to nothing")
    func openAPI() async throws {
        let world = try await World()
        try await world.serve { client async throws in
            let document = try await client.get("/openapi.json").json()
            #expect(document["openapi"] == "3.1.0")
            let paths = try #require(document["paths"]?.asObject)
            #expect(Set(paths.keys) == Set(Route.all.map(\.template)))
            for route in Route.all {
                let methods = Set(try #require(paths[route.template]?.asObject).keys)
                // HEAD goes without saying where GET is.
                #expect(methods == Set(route.methods.filter { $0 != .head }.map { $0.rawValue.lowercased() }))
                #expect(Route(path: route.template) != nil)
            }
            let components = try #require(document["components"]?.asObject)
            var references: Set<String> = []
            collect(.object(document), into: &references)
            #expect(references.count > 10)
            for reference in references {
                let parts = reference.split(separator: "/").map(String.init)
                #expect(components[parts[2]]?.asObject?[parts[3]] != nil, "\(reference)")
            }
        }
    }

    private func collect(_ value: JSONValue, into references: inout Set<String>) {
        switch value {
        case .object(let fields):
            if let reference = fields["$ref"]?.asString { references.insert(reference) }
            for field in fields.values { collect(field, into: &references) }
        case .array(let values): for value in values { collect(value, into: &references) }
        default: break
        }
    }

    @Test(
        "traceparent is read as W3C says",
        arguments: [
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
            ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes", true),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x", false),
            ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
            ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e47-00f067aa0ba902b7-01", false), ("", false),
        ])
    func traceParents(text: String, isValid: Bool) {
        #expect((TraceParent(parsing: text) != nil) == isValid)
        var generator = SystemRandomNumberGenerator()
        #expect(TraceParent(parsing: TraceParent(using: &generator).text) != nil)
    }
}
