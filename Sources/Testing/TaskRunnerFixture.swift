import Foundation
public import MillraceCore
public import MillracePorts
import Synchronization

/// A runner, and what it takes to see whether it keeps the promises of `TaskRunnerConformance`.
public struct TaskRunnerFixture: Sendable {
    public var runner: any TaskRunner
    public var task: TaskName
    /// Parameters that the runner takes, and with which it runs well.
    public var parameters: [String: JSONValue]
    /// The path of an input on which it runs well.
    public var input: String
    /// A run of at least seconds, which puts a file in its folder soon after its beginning.
    public var slow: SlowRun?
    /// A folder for the runs' own folders; whoever made the fixture removes it.
    public var scratch: String

    public struct SlowRun: Sendable {
        public var parameters: [String: JSONValue]
        public var input: String

        public init(parameters: [String: JSONValue], input: String) {
            self.parameters = parameters
            self.input = input
        }
    }

    public init(
        runner: any TaskRunner, task: TaskName, parameters: [String: JSONValue], input: String, slow: SlowRun? = nil,
        scratch: String
    ) {
        self.runner = runner
        self.task = task
        self.parameters = parameters
        self.input = input
        self.slow = slow
        self.scratch = scratch
    }

    /// A request of a run with an empty folder of its own.
    public func request() throws -> TaskRequest {
        let folder = "\(scratch)/\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return TaskRequest(
            step: StepKey(order: try OrderID("conformance"), index: 0), task: task, attempt: 1, parameters: parameters,
            input: input, folder: folder)
    }

    func slowRequest() throws -> TaskRequest {
        guard let slow else { throw Broken("the fixture has no slow run, but does not say that it lacks it") }
        var request = try request()
        request.parameters = slow.parameters
        request.input = slow.input
        return request
    }
}

extension TaskRunnerConformance {
    /// Runs, and reads what the run left.
    static func output(of runner: any TaskRunner, _ request: TaskRequest) async throws -> Data {
        let result = try await runner.run(request)
        guard let file = result.file else { throw Broken("the run left no file") }
        try expect(ImageReference.isPlainFileName(file), "‘\(file)’ is not a plain file name")
        return try Data(contentsOf: URL(filePath: "\(request.folder)/\(file)"))
    }

    /// Runs, and hands over how it failed.
    static func failure(of runner: any TaskRunner, _ request: TaskRequest) async throws -> TaskError {
        do {
            let result = try await runner.run(request)
            throw Broken("the run ended well, with \(result)")
        } catch let error as TaskError {
            return error
        }
    }

    final class Flag: Sendable {
        private let raised = Atomic(false)
        var isRaised: Bool { raised.load(ordering: .acquiring) }
        func raise() { raised.store(true, ordering: .releasing) }
    }
}
