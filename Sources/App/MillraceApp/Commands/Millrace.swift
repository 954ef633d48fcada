public import ArgumentParser
import Glibc
import Platform

/// The `millrace` command.
public struct Millrace: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "millrace",
        abstract: "Runs orders: images through tasks, each scaled on its own and accounted for.",
        subcommands: [
            UpCommand.self, DemoCommand.self, RunCommand.self, SubmitCommand.self, OrdersCommand.self,
            UsageCommand.self, PlotCommand.self, MeterCommand.self, TasksCommand.self, TopicsCommand.self,
            DoctorCommand.self, SettingsCommand.self, BenchCommand.self,
        ])

    public init() {}

    /// Runs the command that the process was started with, and exits with what it came to.
    public static func start() async -> Never {
        // A reader that goes away, as `head` does, is no reason to die in the middle of an order.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parsed()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            Glibc.exit(0)
        } catch let failure as Failure {
            Output.complain(failure.message)
            Glibc.exit(failure.code.rawValue)
        } catch let exit as CommandExit {
            Glibc.exit(exit.status)
        } catch {
            let code = exitCode(for: error)
            let message = fullMessage(for: error)
            if code.isSuccess {
                Output.line(message)
                Glibc.exit(0)
            }
            Output.complain(message)
            // ArgumentParser's own code for wrong usage is 64.
            Glibc.exit(code == .validationFailure ? Failure.Code.usage.rawValue : Failure.Code.failed.rawValue)
        }
    }
}

extension Millrace {
    /// A replica is started often and must be quick, and building the whole tree of commands takes 20 ms: its command
    /// is taken straight.
    private static func parsed() throws -> any ParsableCommand {
        let arguments = CommandLine.arguments.dropFirst()
        guard arguments.starts(with: ["run", "worker"]), !arguments.contains("--help"), !arguments.contains("-h") else {
            return try parseAsRoot()
        }
        return try RunWorker.parse(Array(arguments.dropFirst(2)))
    }
}

/// Why a command could not do what it should: for people, and as an exit code for scripts.
struct Failure: Error {
    enum Code: Int32 {
        case failed = 1
        case usage = 2
        case unreachable = 3
        case noSuchOrder = 4
    }

    var code: Code
    var message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}

/// Standard output and error, written at once: what a command prints may be followed by another program.
enum Output {
    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    static func line(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }

    /// Without a line's end, for terminals.
    static func text(_ text: String) { write(text, to: STDOUT_FILENO) }

    static func complain(_ text: String) { write(text.hasSuffix("\n") ? text : text + "\n", to: STDERR_FILENO) }

    private static func write(_ text: String, to file: CInt) {
        // A reader that has gone away is nobody to complain to.
        try? Files.write(Array(text.utf8), to: file, path: "standard output")
    }
}
