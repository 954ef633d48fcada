import HTTPTypes
import MillraceCore
import MillracePorts
import Testing

@testable import ProxyServer

@Suite(.timeLimit(.minutes(1))) struct PublishingTests {
    private let away = BusError(.unavailable, "testing")

    @Test("while the bus is away nothing is promised, and what was is published when it is back")
    func busAway() async throws {
        let world = try await World()
        let image = try await world.image()
        try await world.serve { client async throws in
            world.bus.refuseSending(away)
            #expect(try await client.post("/v1/orders", order("a", image)).status == 202)
            await world.sleeper.waitForSleep()
            let refused = try await client.post("/v1/orders", order("b", image))
            _ = try refused.problem(503)
            #expect(refused.headers[.retryAfter] == "1")
            let ready = try await client.get("/readyz?verbose")
            #expect(
                ready.status == 503 && ready.text.contains("[-]publishing failed") && ready.text.contains("[+]bus ok"))
            // Once more in vain.
            world.sleeper.wake()
            await world.sleeper.waitForSleep()
            world.bus.refuseSending(nil)
            world.sleeper.wake()
            let starts = try await world.starts()
            #expect(try await starts.next().order.id.text == "a")
            await world.store.waitForMarks(1)
            #expect(try await client.post("/v1/orders", order("b", image)).status == 202)
            #expect(try await starts.next().order.id.text == "b")
            #expect(try await client.get("/readyz").text == "ok\n")
        }
    }

    @Test("what a service could not publish before it stopped, the next one publishes")
    func restart() async throws {
        let world = try await World()
        let image = try await world.image()
        try await world.serve { client async throws in
            world.bus.refuseSending(away)
            #expect(try await client.post("/v1/orders", "[\(order("a", image)), \(order("b", image))]").status == 202)
            await world.sleeper.waitForSleep()
            world.sleeper.skipSleeps(from: .seconds(10))
        }
        world.bus.refuseSending(nil)
        try await world.serve { _ in await world.store.waitForMarks(2) }
        let starts = try await world.starts()
        #expect(try await starts.next().order.id.text == "a")
        #expect(try await starts.next().order.id.text == "b")
    }

    @Test("an order that is there unpublished is published when it is submitted again")
    func resubmission() async throws {
        let world = try await World()
        let image = try await world.image()
        try await world.serve { client async throws in
            world.bus.refuseSending(away)
            #expect(try await client.post("/v1/orders", order("a", image)).status == 202)
            await world.sleeper.waitForSleep()
            world.sleeper.skipSleeps(from: .seconds(10))
        }
        world.bus.refuseSending(nil)
        world.store.hideUnpublished()
        try await world.serve { client async throws in
            #expect(try await client.post("/v1/orders", order("a", image)).status == 200)
            #expect(try await world.starts().next().order.id.text == "a")
        }
    }

    @Test("a service that stops publishes what it has taken")
    func drains() async throws {
        let world = try await World()
        let image = try await world.image()
        try await world.serve { client async throws in
            for number in 0..<20 {
                #expect(try await client.post("/v1/orders", order("o\(number)", image)).status == 202)
            }
        }
        #expect(try await world.store.base.unpublished(limit: 100).isEmpty)
    }

    /// The smaller one would be taken, but not the reports of its steps.
    @Test("an order that no bus will take ends with that reason and holds nothing up", arguments: [900_000, 1 << 20])
    func poison(size: Int) async throws {
        let world = try await World()
        let image = try await world.image()
        let text = String(repeating: "x", count: size)
        try await world.serve {
            $0.orderLimit = 4 << 20
            $0.orderBodyLimit = 4 << 20
        } _: { client async throws in
            let large = order("large", image, "[{\"name\":\"blur\",\"parameters\":{\"note\":\"\(text)\"}}]")
            #expect(try await client.post("/v1/orders", "[\(large), \(order("b", image))]").status == 202)
            await world.store.waitForMarks(2)
            #expect(try await world.starts().next().order.id.text == "b")
            let reader = try await world.bus.read(topic: Topic.system, from: [0: 0])
            let end = try #require(try await reader.next(limit: 1).first)
            guard case .orderEnded(let id, .failed, _) = try SystemMessage.decode(key: end.key, value: end.value) else {
                Issue.record("the order has not failed")
                return
            }
            #expect(id.text == "large")
        }
    }

    // MARK: The queue

    private func entries(_ range: Range<Int>, bytes: Int = 1) throws -> [PublishQueue.Entry] {
        try range.map { number in
            let order = Order(
                id: try OrderID("o\(number)"), image: .content(sha256: ""), tasks: [TaskCall(try TaskName("blur"))])
            return .init(
                order: NewOrder(order: order, contentHash: "", submittedAt: Timestamp(microseconds: 0)), bytes: bytes)
        }
    }

    private func ids(_ work: PublishQueue.Work?) -> [String]? {
        if case .publish(let orders) = work { orders.map(\.order.id.text) } else { nil }
    }

    private func isCatchUp(_ work: PublishQueue.Work?) -> Bool {
        if case .catchUp = work { true } else { false }
    }

    @Test("it begins by catching up, until the store has no more")
    func catchesUp() throws {
        var queue = PublishQueue(limit: 10)
        #expect(isCatchUp(queue.next()))
        queue.caughtUp(with: try entries(0..<PublishQueue.catchUp).map(\.order))
        #expect(isCatchUp(queue.next()))
        try queue.offer(entries(0..<3))
        queue.caughtUp(with: try entries(0..<2).map(\.order))
        #expect(ids(queue.next()) == ["o2"])
        #expect(queue.next() == nil)
    }

    @Test("what is too much for it is read from the store once the rest is published", arguments: [1, 32 << 20])
    func overflows(bytes: Int) throws {
        var queue = PublishQueue(limit: 2)
        _ = queue.next()
        try queue.offer(entries(0..<3, bytes: bytes))
        #expect(queue.count == 2 && queue.isBehind)
        let first = ids(queue.next())
        #expect(bytes > 1 ? first == ["o0"] : first == ["o0", "o1"])
        if bytes > 1 { _ = queue.next() }
        #expect(isCatchUp(queue.next()))
    }

    @Test("it ends when it is told to stop and is empty")
    func ends() throws {
        var queue = PublishQueue(limit: 2)
        try queue.offer(entries(0..<1))
        queue.stop()
        #expect(ids(queue.next()) == ["o0"])
        guard case .end = queue.next() else {
            Issue.record("it goes on")
            return
        }
    }
}
