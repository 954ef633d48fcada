import BenchTasks
import CommandTasks
import ImageTasks
import MillraceCore
import MillracePorts

/// The tasks that come with Millrace.
enum BuiltinTasks {
    /// Those that are there without a configuration file.
    static let names = ImageTask.names
    /// Those that a configuration may name: the benches' too.
    static let all = names + ["noop", "sleep"]

    static func defaults(of name: String) -> [String: JSONValue] { ImageTask.defaultParameters(of: name) }

    /// What runs a task; nil for a built-in name that is not there, which the configuration's reader refuses.
    static func runner(for task: TaskDefinition) -> (any TaskRunner)? {
        switch task.kind {
        case .builtin("noop"): NoopTask()
        case .builtin("sleep"): SleepTask()
        case .builtin(let name): ImageTask(named: name)
        case .command(let words): CommandTask(command: words, workingDirectory: nil)
        }
    }
}
