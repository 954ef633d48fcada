public import ArgumentParser
import Glibc

/// The `millrace` command.
public struct Millrace: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "millrace",
        abstract: "Runs orders: images through tasks, each scaled on its own and accounted for.",
        subcommands: [UpCommand.self, RunCommand.self])

    public init() {}

    /// Runs the command that the process was started with, and exits with what it came to.
    public static func start() async -> Never {
        setlinebuf(stdout)
        // A reader that goes away, as `head` does, is no reason to die in the middle of an order.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            Glibc.exit(0)
        } catch let failure as Failure {
            Output.complain(failure.message)
            Glibc.exit(failure.code.rawValue)
        } catch {
            let code = exitCode(for: error)
            let message = fullMessage(for: error)
            if code.isSuccess {
                print(message)
                Glibc.exit(0)
            }
            Output.complain(message)
            // ArgumentParser's own code for wrong usage is 64.
            Glibc.exit(code == .validationFailure ? Failure.Code.usage.rawValue : Failure.Code.failed.rawValue)
        }
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

enum Output {
    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    static func complain(_ text: String) {
        let line = text.hasSuffix("\n") ? text : text + "\n"
        fputs(line, stderr)
    }
}
