internal import Glibc
public import MillraceCore
public import MillracePorts
internal import Platform

/// Runs any executable as a task.
///
/// It finds these in its environment, beside what this process has itself (secrets and Millrace's own settings left out):
///
/// | variable | is |
/// | --- | --- |
/// | `MILLRACE_INPUT` | the input file's path |
/// | `MILLRACE_OUTPUT` | the path at which it leaves its output file: `output` with the input's extension, if that has one, as libraries choose a format by it |
/// | `MILLRACE_PARAMETERS` | the parameters, a JSON object |
/// | `MILLRACE_ORDER`, `MILLRACE_TASK` | the order's id, the task's name |
///
/// | it ends | which is |
/// | --- | --- |
/// | with status 0, and the output file is there | done |
/// | with status 75 | failed for now: trying again may help |
/// | by SIGKILL, SIGTERM, SIGINT, SIGHUP or SIGQUIT | failed for now: someone else ended it, such as the kernel when memory is short |
/// | with another status, by another signal, or without the output file | failed, with the end of its standard error as the reason |
///
/// Its standard input is empty and its standard output discarded. It runs in a process group of its own: what it has
/// started and left in there is killed when it ends, when its run is cancelled, and when this process ends.
public struct CommandTask: TaskRunner {
    private let command: [String]
    private let workingDirectory: String?
    private let environment: [String: String]
    private let killAfter: Duration

    public let leavesOutput = true

    /// - Parameters:
    ///   - command: the executable and its arguments; one without a slash is looked up in `PATH`.
    ///   - workingDirectory: to which a relative executable and its relative arguments refer; nil: this process's own.
    public init(command: [String], workingDirectory: String?) {
        self.init(command: command, workingDirectory: workingDirectory, killAfter: .seconds(2))
    }

    /// - Parameter killAfter: from a cancelled run's SIGTERM to its SIGKILL: the time to remove what it has in other
    ///   places than the run's folder. Zero kills at once.
    public init(command: [String], workingDirectory: String?, killAfter: Duration) {
        self.command = command
        self.workingDirectory = workingDirectory
        self.killAfter = killAfter
        environment = Launch.ownEnvironment.filter { !Self.isHidden($0.key) }
    }

    /// Any are taken: a command checks its own.
    public func validate(_ parameters: [String: JSONValue]) throws(InvalidValue) {}

    public func run(_ request: TaskRequest) async throws(TaskError) -> TaskResult {
        let file = Self.outputName(forInput: request.input)
        let exit = try await exit(of: launch(request, output: request.folder + "/" + file))
        let children = RunTotals(
            cpu: exit.cpu, peakRAM: exit.peakRAM, diskRead: exit.diskRead, diskWritten: exit.diskWritten)
        guard !Task.isCancelled else { throw TaskError(.temporary, "‘\(name)’ was cancelled", children: children) }
        switch exit.status {
        case .exited(0):
            guard Self.isFile(request.folder + "/" + file) else {
                throw TaskError(
                    .permanent, "‘\(name)’ exited with status 0 but left no file at MILLRACE_OUTPUT (\(file))",
                    children: children)
            }
            return TaskResult(file: file, children: children)
        case .exited(EX_TEMPFAIL):
            throw TaskError(.temporary, Self.reason(name, exit), children: children)
        case .exited:
            throw TaskError(.permanent, Self.reason(name, exit), children: children)
        case .signalled(let signal):
            let isFromOutside = [SIGKILL, SIGTERM, SIGINT, SIGHUP, SIGQUIT].contains(signal)
            throw TaskError(isFromOutside ? .temporary : .permanent, Self.reason(name, exit), children: children)
        }
    }

    private var name: String { command.first ?? "" }

    private func exit(of launch: Launch) async throws(TaskError) -> ChildExit {
        do {
            return try await ChildProcess.run(launch, killAfter: killAfter)
        } catch {
            // Too many processes or descriptors, no memory, a program that is just being written: these pass.
            let passes = [EAGAIN, ENOMEM, EMFILE, ENFILE, ETXTBSY].contains(error.code)
            var reason = "‘\(name)’ could not be started: \(error)"
            if error.code == ENOEXEC { reason += "; a script needs a first line such as #!/bin/sh" }
            throw TaskError(passes ? .temporary : .permanent, reason)
        }
    }

    private func launch(_ request: TaskRequest, output: String) -> Launch {
        var parameters = JSONWriter()
        parameters.object(request.parameters)
        var launch = Launch(command: command, environment: environment, workingDirectory: workingDirectory)
        launch.environment["MILLRACE_INPUT"] = request.input
        launch.environment["MILLRACE_OUTPUT"] = output
        launch.environment["MILLRACE_PARAMETERS"] = parameters.text
        launch.environment["MILLRACE_ORDER"] = request.step.order.text
        launch.environment["MILLRACE_TASK"] = request.task.text
        launch.errors = .captured
        launch.isGuarded = true
        launch.isMetered = true
        return launch
    }

    /// Millrace's own settings may hold secrets, and its own descriptors are not a command's.
    private static func isHidden(_ variable: String) -> Bool {
        variable.hasPrefix("MILLRACE_") || variable == "DATABASE_URL" || variable == "PGPASSWORD"
    }

    private static func isFile(_ path: String) -> Bool {
        var status = stat()
        // lstat: a link may lead anywhere, and would not be the run's own.
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// `output`, and the input's extension if it has a plain one.
    static func outputName(forInput path: String) -> String {
        let name = path.split(separator: "/").last ?? ""
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return "output" }
        let type = name[name.index(after: dot)...]
        let isPlain =
            (1...10).contains(type.utf8.count)
            && type.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: false
                }
            }
        return isPlain ? "output.\(type)" : "output"
    }

    private static func reason(_ name: String, _ exit: ChildExit) -> String {
        let said = ErrorText.end(of: exit.errorTail)
        return "‘\(name)’ \(exit.status)" + (said.isEmpty ? "" : ": \(said)")
    }
}
