public import MillraceCore
public import MillracePorts
import Platform

/// A task that does nothing: what is left is what Millrace itself costs.
public struct NoopTask: TaskRunner {
    public init() {}

    public var leavesOutput: Bool { false }

    public func validate(_ parameters: [String: JSONValue]) throws(InvalidValue) {
        if let name = parameters.keys.min() {
            throw InvalidValue(field: name, "is not a parameter of noop, which has none")
        }
    }

    public func run(_ request: TaskRequest) async throws(TaskError) -> TaskResult {
        try refuse(request.parameters, by: self)
        return TaskResult(file: nil)
    }
}

/// A task that takes a given time and nothing else.
public struct SleepTask: TaskRunner {
    public init() {}

    public var leavesOutput: Bool { false }

    /// - Parameter parameters: `seconds`, from 0 to 3600; 0.01 where it is not given.
    public func validate(_ parameters: [String: JSONValue]) throws(InvalidValue) {
        for name in parameters.keys.sorted() where name != "seconds" {
            throw InvalidValue(field: name, "is not a parameter of sleep, which has seconds")
        }
        guard (0...3600).contains(Self.seconds(parameters)) else {
            throw InvalidValue(field: "seconds", "must be a number from 0 to 3600")
        }
    }

    public func run(_ request: TaskRequest) async throws(TaskError) -> TaskResult {
        try refuse(request.parameters, by: self)
        // A thread's own wait: Swift's timers may be late by a tenth of their time, and this one measures.
        let signal = Signal()
        let end = ContinuousClock.now + Duration.seconds(fraction: Self.seconds(request.parameters))
        await withTaskCancellationHandler {
            await NamedThread.run("sleep") { signal.wait(past: 0, atMost: max(.zero, end - .now)) }
        } onCancel: {
            signal.raise()
        }
        if Task.isCancelled { throw TaskError(.temporary, "it was stopped") }
        return TaskResult(file: nil)
    }

    private static func seconds(_ parameters: [String: JSONValue]) -> Double {
        guard let given = parameters["seconds"] else { return 0.01 }
        return given.asNumber ?? -1
    }
}

/// Parameters that got here unchecked fail the run for good.
private func refuse(_ parameters: [String: JSONValue], by runner: some TaskRunner) throws(TaskError) {
    do throws(InvalidValue) { try runner.validate(parameters) } catch { throw TaskError(.permanent, error.description) }
}
