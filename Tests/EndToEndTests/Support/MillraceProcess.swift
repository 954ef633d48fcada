import Glibc
import MillraceTesting
import Platform
import Synchronization

/// One `millrace` that a test has started. It is killed when the test's process ends.
final class MillraceProcess: Sendable {
    private struct State {
        var pid: Int32?
        var result: Result<ChildExit.Status, SystemError>?
    }

    /// Where its standard output and error go.
    let log: String
    let arguments: [String]
    private let child: ChildProcess
    private let state = Mutex(State())

    private init(_ arguments: [String], log: String, environment: [String: String]) throws {
        self.arguments = arguments
        self.log = log
        var launch = Launch(
            command: [try Executable.path()] + arguments,
            environment: Executable.environment.merging(environment) { $1 })
        launch.errors = .appended(to: log)
        launch.output = .withErrors
        launch.isGuarded = true
        child = ChildProcess(launch)
    }

    static func start(
        _ arguments: [String], log: String, environment: [String: String] = [:]
    ) async throws -> MillraceProcess {
        let process = try MillraceProcess(arguments, log: log, environment: environment)
        try await withCheckedThrowingContinuation { (started: CheckedContinuation<Void, any Error>) in
            NamedThread.start("millrace") { process.live(started) }
        }
        return process
    }

    private func live(_ started: CheckedContinuation<Void, any Error>) {
        do throws(SystemError) {
            let exit = try child.runBlocking { pid in
                state.withLock { $0.pid = pid }
                started.resume()
            }
            state.withLock { $0.result = .success(exit.status) }
        } catch {
            let hadStarted = state.withLock { state in
                state.result = .failure(error)
                return state.pid != nil
            }
            if !hadStarted { started.resume(throwing: error) }
        }
    }

    var pid: Int { state.withLock { Int($0.pid ?? 0) } }
    var hasEnded: Bool { state.withLock { $0.result != nil } }

    /// Workers are in groups of their own and do not get it.
    func signal(_ signal: CInt) { child.signal(signal) }

    func exit(within timeout: Duration = .seconds(30)) async throws -> ChildExit.Status {
        let result = try await eventually("the end of millrace \(arguments.joined(separator: " "))", within: timeout) {
            state.withLock { $0.result }
        }
        return try result.get()
    }

    func kill() async throws {
        signal(SIGKILL)
        _ = try await exit()
    }

    /// All that it has written so far.
    var said: String { (try? String(decoding: readFile(log), as: UTF8.self)) ?? "" }
}
