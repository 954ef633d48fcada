import MillraceCore
import MillracePorts
import MillraceTesting
import ProxyServer
import Testing

@Suite struct UsageTests {
    /// An order whose first step has finished, with a minute of samples.
    private func world() async throws -> World {
        let world = try await World()
        let image = try await world.image()
        let order = Order(
            id: try OrderID("a"), image: try ImageReference(parsing: image),
            tasks: [TaskCall(try TaskName("blur")), TaskCall(try TaskName("resize"))])
        let start = Timestamp(microseconds: 1_000_000)
        _ = try await world.store.base.insert([NewOrder(order: order, contentHash: "h", submittedAt: start)])
        var progress = try #require(try await world.store.base.progress(of: [order.id])[order.id])
        let report = RunReport(
            run: try RunID("r1"), attempt: 1, outcome: .finished(output: order.image), startedAt: start,
            finishedAt: start + .seconds(60),
            totals: RunTotals(
                cpu: .seconds(30), peakRAM: 100, diskWritten: 7, waiting: .milliseconds(5), running: .seconds(60)),
            instance: "replica")
        _ = progress.endStep(0, report)
        var changes = MonitorChanges()
        changes.orders = [order.id: progress]
        changes.steps = [order.id: [0]]
        try await world.store.base.saveMonitor(
            MonitorSave(changes: changes, tasks: [], offsets: [0: 1]), expected: [:])
        let samples = (1...60).map { second in
            UsageSample(
                step: StepKey(order: order.id, index: 0), task: order.tasks[0].name, at: start + .seconds(second),
                seconds: 1, cpu: second == 30 ? 1 : 0.5, ram: Double(second))
        }
        try await world.usage.save(UsageBatch(node: "n", samples: samples, at: start))
        return world
    }

    @Test("an order's usage is its steps' totals and samples; what was not read is not there")
    func order() async throws {
        try await world().serve { client async throws in
            let document = try await client.get("/v1/orders/a/usage").json()
            #expect(document["order"] == "a")
            let step = try #require(document["steps"]?.asArray?[0].asObject)
            #expect(
                step["usage"] == [
                    "cpuSeconds": 30, "peakRAMBytes": 100, "diskReadBytes": .null, "diskWrittenBytes": 7,
                    "waitingSeconds": 0.005, "runningSeconds": 60,
                ])
            let samples = try #require(document["samples"]?.asArray)
            #expect(samples.count == 120)
            #expect(
                samples.first == [
                    "step": 0, "task": "blur", "resource": "cpu", "unit": "cores",
                    "at": "1970-01-01T00:00:02.000000Z", "second": 1, "seconds": 1, "value": 0.5, "low": 0.5,
                    "high": 0.5,
                ])
        }
    }

    @Test("fewer points keep the least and the largest; filters leave out what was not asked for")
    func query() async throws {
        try await world().serve { client async throws in
            let samples = try #require(
                try await client.get("/v1/orders/a/usage?points=6&resource=cpu").json()["samples"]?.asArray)
            #expect(samples.count == 6)
            #expect(samples.compactMap { $0.asObject?["high"]?.asNumber }.max() == 1)
            #expect(samples.compactMap { $0.asObject?["low"]?.asNumber }.min() == 0.5)
            #expect(try await client.get("/v1/orders/a/usage?task=resize").json()["samples"]?.asArray?.isEmpty == true)
            for (query, field) in [
                ("resource=gpu", "resource"), ("points=0", "points"), ("points=many", "points"), ("task=B", "task"),
                ("colour=red", "colour"), ("points=1&points=2", "points"),
            ] {
                #expect(try await client.get("/v1/orders/a/usage?\(query)").problem(400) == field)
            }
            _ = try await client.get("/v1/orders/b/usage").problem(404)
        }
    }

    @Test("a task's usage is what to expect, and how far each step is from it")
    func task() async throws {
        try await world().serve { client async throws in
            let document = try await client.get("/v1/tasks/blur/usage?samples=1").json()
            let cpu = try #require(document["expected"]?.asObject?["cpuSeconds"]?.asObject)
            #expect(cpu["median"] == 30 && cpu["count"] == 1)
            #expect(document["expected"]?.asObject?["diskReadBytes"] == .null)
            let step = try #require(document["steps"]?.asArray?.first?.asObject)
            #expect(step["order"] == "a" && step["difference"]?.asObject?["cpuSeconds"] == 0)
            #expect(document["profile"]?.asObject?["cpu"]?.asArray?.count == 60)
            #expect(document["profile"]?.asObject?["disk"]?.asArray?.isEmpty == true)
            #expect(document["samples"]?.asArray?.count == 120)
            #expect(try await client.get("/v1/tasks/resize/usage").json()["steps"]?.asArray?.isEmpty == true)
            _ = try await client.get("/v1/tasks/nobody/usage").problem(404)
            #expect(try await client.get("/v1/tasks/NOBODY/usage").problem(400) == "task")
            #expect(try await client.get("/v1/tasks/blur/usage?limit=0").problem(400) == "limit")
            #expect(try await client.get("/v1/tasks/blur/usage?samples=201").problem(400) == "samples")
        }
    }

    @Test("a store that is away is 503")
    func away() async throws {
        let world = try await world()
        try await world.serve { client async throws in
            world.usage.failure = StoreError(.unavailable, "anything")
            _ = try await client.get("/v1/orders/a/usage").problem(503)
            _ = try await client.get("/v1/tasks/blur/usage").problem(503)
        }
    }
}
