import CommandTasks
import Glibc
import MillraceCore
import MillracePorts
import MillraceTesting
import Platform

/// A folder with an input, in which one command is run.
struct CommandFixture: Sendable {
    var folder: String
    var input: String

    static func with<Value: Sendable>(
        input name: String = "cat.jpg", _ body: (CommandFixture) async throws -> Value
    ) async throws -> Value {
        try await withTemporaryFolder { folder in
            let input = "\(folder)/\(name)"
            try Files.write(Array("a cat".utf8), to: input)
            try Files.makeFolder(folder + "/run")
            return try await body(CommandFixture(folder: folder, input: input))
        }
    }

    /// A shell command; `$D` is the folder.
    func shell(_ script: String, killAfter: Duration = .seconds(60)) -> CommandTask {
        CommandTask(
            command: ["/bin/sh", "-c", "D='\(folder)'; \(script)"], workingDirectory: nil, killAfter: killAfter)
    }

    func run(_ task: CommandTask, parameters: [String: JSONValue] = [:]) async throws -> TaskResult {
        try await task.run(
            TaskRequest(
                step: StepKey(order: try OrderID("order-42"), index: 1), task: try TaskName("edges"), attempt: 1,
                parameters: parameters, input: input, folder: folder + "/run"))
    }

    /// The error with which a run fails.
    func failure(of task: CommandTask) async throws -> TaskError {
        do {
            _ = try await run(task)
        } catch let error as TaskError {
            return error
        }
        throw Broken("the command did not fail")
    }

    func text(_ name: String) throws -> String {
        String(decoding: try Files.read("\(folder)/\(name)"), as: UTF8.self)
    }

    /// Makes a FIFO and reads it to its end, which comes when the last process that holds it for writing is gone. What
    /// is read goes to the stream, a line at a time.
    func fifo(_ name: String) throws -> AsyncStream<String> {
        let path = "\(folder)/\(name)"
        guard mkfifo(path, 0o600) == 0 else { throw SystemError.last("making a FIFO") }
        let (stream, lines) = AsyncStream.makeStream(of: String.self)
        NamedThread.start("fifo") {
            defer { lines.finish() }
            guard let file = try? Files.open(path, O_RDONLY) else { return }
            defer { close(file) }
            var line: [UInt8] = []
            var byte: UInt8 = 0
            while read(file, &byte, 1) == 1 {
                if byte != UInt8(ascii: "\n") {
                    line.append(byte)
                } else {
                    lines.yield(String(decoding: line, as: UTF8.self))
                    line = []
                }
            }
        }
        return stream
    }
}
