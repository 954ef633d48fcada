import MillraceCore
import MillracePorts
import MillraceTesting
import Testing
import Worker

/// Begins, and ends only when it is cut off.
private struct Endless: TaskRunner {
    let begun: AsyncStream<Void>.Continuation
    var leavesOutput: Bool { false }
    func validate(_ parameters: [String: JSONValue]) throws(InvalidValue) {}

    func run(_ request: TaskRequest) async throws(TaskError) -> TaskResult {
        begun.yield()
        let (never, end) = AsyncStream.makeStream(of: Void.self)
        await withTaskCancellationHandler {
            for await _ in never {}
        } onCancel: {
            end.finish()
        }
        throw TaskError(.temporary, "it was stopped")
    }
}

@Suite struct ForcedStopTests {
    @Test("a replica that is ended by force reports nothing of its step, which is read again")
    func forced() async throws {
        let system = try await InMemorySystem()
        let image = try await system.images.add(contentsOf: #filePath)
        try await system.bus.createTopic(system.task.name.text, partitions: 1, retention: .seconds(60))
        let order = Order(id: try OrderID("o"), image: image, tasks: [TaskCall(system.task.name)])
        let outbox = try await Outbox(bus: system.bus)
        try await system.bus.publish([
            outbox.record(StepMessage(order: order, step: 0, input: image), partition: 0, trace: nil)
        ])
        let (beginnings, begun) = AsyncStream.makeStream(of: Void.self)
        let worker = WorkerService(
            settings: WorkerSettings(task: system.task, instance: "t-1", now: system.now), bus: system.bus,
            images: system.images, runner: Endless(begun: begun), meter: NoMeter(), logger: system.logger)
        let run = Task { try await worker.run() }
        for await _ in beginnings { break }
        run.cancel()
        _ = await run.result
        let reader = try await system.bus.read(topic: Topic.orchestrator, from: [0: 0])
        let kinds = try await reader.next(limit: 100).map(\.key)
        #expect(!kinds.contains("PROGRESS"))
        await reader.close()
        let group = try await system.bus.describe(group: system.task.name.text, topic: system.task.name.text)
        #expect(group.committed[0] == nil)
        #expect(group.members.isEmpty)
    }
}
