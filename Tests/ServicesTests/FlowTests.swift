import MillraceCore
import MillracePorts
import MillraceTesting
import Testing

@Suite struct FlowTests {
    static let image = ImageReference.content(sha256: String(repeating: "a", count: 64))

    /// A system whose image is there.
    static func system(
        bus: InMemoryBus = InMemoryBus(), store: InMemoryOrderStore = InMemoryOrderStore()
    ) async throws -> InMemorySystem { try await InMemorySystem(bus: bus, store: store) }

    @Test("an order whose image is not there fails with that reason, and the services go on")
    func missingImage() async throws {
        let system = try await Self.system()
        try await system.run {
            try await system.submit(["o1"], steps: 2)
            try await system.waitForEnd(of: ["o1"])
            let order = try #require(try await system.state(of: "o1"))
            #expect(order.state == .failed)
            #expect(order.reason?.contains("cannot be read") == true)
            #expect(order.steps.map(\.state) == [.failed, .skipped])
        }
    }

    @Test("a worker reports a step's end in the stated order")
    func reportingOrder() async throws {
        let system = try await Self.system()
        try await system.run {
            try await system.submit(["bad1"], steps: 1)
            try await system.waitForEnd(of: ["bad1"])
        }
        let reader = try await system.bus.read(topic: Topic.system, from: [0: 0])
        let kinds = try await reader.next(limit: 1000).filter { $0.header(Header.order) == "bad1" }.map(\.key)
        #expect(kinds == ["ORDER", "TASK", "ORDER", "TASK"])
        await reader.close()
    }

    @Test("a monitor whose saved offset the bus does not have replays what is left, and goes on")
    func busMadeAnew() async throws {
        let store = InMemoryOrderStore()
        let first = try await Self.system(store: store)
        try await first.run {
            try await first.submit(["a1", "a2", "a3"], steps: 2)
            try await first.waitForEnd(of: ["a1", "a2", "a3"])
        }
        let saved = try #require(try await store.loadMonitor().offsets[0])
        #expect(saved > 0)
        // A bus with nothing in it: the saved offset is beyond its end.
        let second = try await Self.system(store: store)
        try await second.run {
            try await second.submit(["b1"], steps: 1)
            try await second.waitForEnd(of: ["b1"])
            #expect(try await second.state(of: "a1")?.state == .failed)
        }
        #expect(try await store.loadMonitor().offsets[0] ?? 0 < saved)
    }

    @Test("messages that come again change nothing")
    func replayed() async throws {
        let system = try await Self.system()
        try await system.run {
            try await system.submit(["o1"], steps: 3)
            try await system.waitForEnd(of: ["o1"])
            let before = try await system.state(of: "o1")
            let reader = try await system.bus.read(topic: Topic.system, from: [0: 0])
            let records = try await reader.next(limit: 1000)
            await reader.close()
            try await system.bus.publish(
                records.reversed().map {
                    OutgoingRecord(
                        topic: $0.topic, partition: $0.partition, key: $0.key, value: $0.value, headers: $0.headers)
                })
            // One behind them, whose end tells that they were read.
            try await system.submit(["o2"], steps: 1)
            try await system.waitForEnd(of: ["o2"])
            #expect(try await system.state(of: "o1") == before)
        }
    }

    @Test("replicas follow the demand, and the fleet is asked again by an orchestrator that begins anew")
    func scaling() async throws {
        let store = InMemoryOrderStore()
        let system = try await InMemorySystem(store: store, scaling: ScalingSettings(min: 2, max: 4))
        try await system.run {
            try await eventually("two replicas") { try await system.fleet.status(of: system.task.name).desired == 2 }
        }
        // Another process: its fleet has none, though the store knows of two.
        let again = try await InMemorySystem(bus: system.bus, store: store, scaling: ScalingSettings(min: 2, max: 4))
        try await again.run {
            try await eventually("two replicas again") {
                try await again.fleet.status(of: again.task.name).desired == 2
            }
        }
    }
}
