import MillraceCore
import MillracePorts
import MillraceTesting
import Testing

@testable import ImageTasks

struct ImageTasksConformance {
    @Test("image tasks keep the port's promises", arguments: TaskRunnerConformance.promises)
    func conforms(_ promise: Promise<TaskRunnerFixture>) async throws {
        let bench = try Workbench()
        let runner = try #require(ImageTask(named: "resize"))
        let fixture = TaskRunnerFixture(
            runner: runner, task: try TaskName("resize"), parameters: ["width": 200],
            input: Workbench.photo("rocket.jpg"),
            // 100 megapixels of PNG: seconds to compress.
            slow: .init(parameters: ["width": 12_000], input: Workbench.photo("coffee.png")), scratch: bench.folder)
        try await promise.check(fixture)
    }

    @Test(arguments: ImageTask.names)
    func `every task gives the same bytes again`(_ name: String) async throws {
        let bench = try Workbench()
        let runner = try #require(ImageTask(named: name))
        let fixture = TaskRunnerFixture(
            runner: runner, task: try TaskName(name), parameters: ImageTask.defaultParameters(of: name),
            input: Workbench.photo("chelsea.png"), scratch: bench.folder)
        for promise in TaskRunnerConformance.promises(without: [.runsSlowly]) { try await promise.check(fixture) }
    }
}
