import BenchTasks
import Foundation
import MillraceCore
import MillracePorts
import MillraceTesting
import Testing

@Suite struct BenchTasksConformanceTests {
    @Test(
        "tasks that do nothing keep the port's promises", arguments: [true, false],
        TaskRunnerConformance.promises(without: [.leavesOutput, .repeatsItself, .readsInput, .runsSlowly]))
    func conforms(_ sleeps: Bool, _ promise: Promise<TaskRunnerFixture>) async throws {
        try await withTemporaryFolder { folder in
            let input = folder + "/input.txt"
            try "nobody reads this".write(toFile: input, atomically: true, encoding: .utf8)
            let runner: any TaskRunner = sleeps ? SleepTask() : NoopTask()
            try await promise.check(
                TaskRunnerFixture(
                    runner: runner, task: try TaskName("nothing"), parameters: sleeps ? ["seconds": 0] : [:],
                    input: input,
                    scratch: folder))
        }
    }

    @Test("a sleep that is cancelled ends, and may be tried again")
    func cancelled() async throws {
        let step = StepKey(order: try OrderID("o"), index: 0)
        let request = TaskRequest(
            step: step, task: try TaskName("sleep"), attempt: 1, parameters: ["seconds": 600], input: "", folder: "")
        let run = Task { () -> TaskError? in
            do throws(TaskError) { _ = try await SleepTask().run(request) } catch { return error }
            return nil
        }
        run.cancel()
        #expect(await run.value?.code == .temporary)
    }
}
