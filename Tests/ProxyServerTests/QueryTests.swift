import Glibc
import HTTPTypes
import MillraceCore
import MillracePorts
import Testing

@testable import ProxyServer

@Suite(.timeLimit(.minutes(1))) struct QueryTests {
    @Test("a listing goes from page to page, newest first, by state")
    func lists() async throws {
        let world = try await World()
        let image = try await world.image()
        try await world.serve { client async throws in
            let five = (1...5).map { order("o\($0)", image) }.joined(separator: ",")
            #expect(try await client.post("/v1/orders", "[\(five)]").status == 202)
            var found: [String] = []
            var query = "?limit=2&state=accepted"
            repeat {
                let page = try await client.get("/v1/orders" + query).json()
                found += (page["orders"]?.asArray ?? []).compactMap { $0.asObject?["id"]?.asString }
                query = page["next"]?.asString.map { "?limit=2&state=accepted&cursor=\($0)" } ?? ""
            } while !query.isEmpty
            #expect(found == ["o5", "o4", "o3", "o2", "o1"])
            #expect(try await client.get("/v1/orders?state=failed").json() == ["orders": [], "next": .null])
            #expect(try await client.get("/v1/orders").json()["orders"]?.asArray?.count == 5)
        }
    }

    @Test(
        "a wrong parameter is named",
        arguments: [
            ("limit=0", "limit"), ("limit=1001", "limit"), ("limit=x", "limit"), ("state=done", "state"),
            ("cursor=x", "cursor"), ("page=2", "page"), ("limit=1&limit=2", "limit"),
        ])
    func refusesQueries(query: String, field: String) async throws {
        let world = try await World()
        try await world.serve { client async throws in
            #expect(try await client.get("/v1/orders?" + query).problem(400) == field)
        }
    }

    @Test("unknown paths are 404, wrong ids 400, other methods 405, HEAD is GET without the body")
    func routes() async throws {
        let world = try await World()
        let image = try await world.image()
        try await world.serve { client async throws in
            for path in ["/", "/v1", "/v1/order", "/v1/orders/a/steps", "/v1//orders", "/nope"] {
                _ = try await client.get(path).problem(404)
            }
            #expect(try await client.get("/v1/orders/a%2Fb").problem(400) == "id")
            #expect(try await client.get("/v1/orders/none").problem(404) == nil)
            _ = try await client.get("/v1/orders/none/steps/0/output").problem(404)
            #expect(try await client.get("/v1/orders/none/steps/x/output").problem(400) == "n")
            let posted = try await client.post("/v1/tasks", "")
            _ = try posted.problem(405)
            #expect(posted.headers[.allow] == "GET, HEAD")
            let gotten = try await client.get("/v1/images")
            _ = try gotten.problem(405)
            #expect(gotten.headers[.allow] == "POST")
            _ = try await client.post("/v1/orders", order("a", image))
            let whole = try await client.get("/v1/orders/%61")
            #expect(whole.status == 200)
            let head = try await client.get("/v1/orders/a", method: .head)
            #expect(head.status == 200 && head.bytes.isEmpty)
            #expect(head.headers[.contentLength] == String(whole.bytes.count))
        }
    }

    @Test("a step's output comes as a file; a step that left none gives what it passed on")
    func outputs() async throws {
        let world = try await World()
        let image = try await world.image([9, 9])
        try await world.serve { client async throws in
            let tasks = "[\"blur\", \"resize\", \"blur\"]"
            #expect(try await client.post("/v1/orders", order("a", image, tasks)).status == 202)
            _ = try await client.get("/v1/orders/a/steps/0/output").problem(404)
            _ = try await client.get("/v1/orders/a/steps/3/output").problem(404)
            let id = try OrderID("a")
            let resized = try await finish(id, in: world, input: ImageReference(parsing: image))
            let file = try await client.get("/v1/orders/a/steps/1/output")
            #expect(file.status == 200 && file.text == "resized")
            #expect(file.headers[.contentType] == "image/png")
            #expect(file.headers[.contentLength] == "7")
            #expect(file.headers[.contentDisposition] == "inline; filename=\"out.png\"")
            let head = try await client.get("/v1/orders/a/steps/1/output", method: .head)
            #expect(head.status == 200 && head.bytes.isEmpty && head.headers[.contentLength] == "7")
            #expect(try await client.get("/v1/orders/a/steps/2/output").text == "resized")
            #expect(try await client.get("/v1/orders/a/steps/0/output").bytes == [9, 9])
            let document = try await client.get("/v1/orders/a").json()
            let step = try #require(document["steps"]?.asArray?[1].asObject)
            #expect(step["output"] == "/v1/orders/a/steps/1/output" && step["instance"] == "replica")
            #expect(
                step["usage"] == [
                    "cpuSeconds": 1.5, "peakRAMBytes": 2000, "diskReadBytes": .null, "diskWrittenBytes": 7,
                    "waitingSeconds": .null, "runningSeconds": .null,
                ])
            #expect(resized.description == "output:a/1/out.png")
        }
    }

    /// Ends the order's three steps: the second leaves a file, the others pass their input on.
    private func finish(_ id: OrderID, in world: World, input: ImageReference) async throws -> ImageReference {
        let step = StepKey(order: id, index: 1)
        let run = try RunID("r1")
        let folder = try await world.images.begin(run, of: step).folder
        let file = try #require(fopen(folder + "/out.png", "w"))
        fputs("resized", file)
        fclose(file)
        let output = ImageReference.output(step, file: "out.png")
        let time = Timestamp(microseconds: 2_000_000)
        func report(_ output: ImageReference) -> RunReport {
            RunReport(
                run: run, attempt: 1, outcome: .finished(output: output), startedAt: time, finishedAt: time,
                totals: RunTotals(cpu: .milliseconds(1500), peakRAM: 2000, diskWritten: 7), instance: "replica")
        }
        _ = try await world.images.end(step, with: report(output))
        var progress = try #require(try await world.store.base.progress(of: [id])[id])
        for (index, output) in [input, output, output].enumerated() { _ = progress.endStep(index, report(output)) }
        var changes = MonitorChanges()
        changes.orders = [id: progress]
        changes.steps = [id: [0, 1, 2]]
        try await world.store.base.saveMonitor(
            MonitorSave(changes: changes, tasks: [], offsets: [0: 1]), expected: [:])
        return output
    }

    @Test("what is written of an order is what is read")
    func documents() throws {
        let time = Timestamp(microseconds: 1_234_567)
        let document = OrderDocument(
            id: "a", state: .failed, reason: "no \"disk\"", image: "sha256:00", submittedAt: time, startedAt: time,
            finishedAt: time,
            steps: [
                .init(
                    task: "blur", state: .failed, attempt: 2, startedAt: time, finishedAt: time, output: "/o",
                    instance: "i", reason: "r",
                    usage: RunTotals(cpu: .milliseconds(250), peakRAM: 1, diskRead: 2, diskWritten: 3)),
                .init(task: "resize", state: .skipped, attempt: 0),
            ])
        #expect(try OrderDocument(parsing: document.encoded) == document)
        let keys = try #require(try JSONValue(parsing: document.encoded).asObject).keys.sorted()
        #expect(keys == ["finishedAt", "id", "image", "reason", "startedAt", "state", "steps", "submittedAt"])
    }
}
