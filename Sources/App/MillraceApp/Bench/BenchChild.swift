import Platform

/// A child process of a bench, from its start to its end.
struct BenchChild: Sendable {
    private let child: ChildProcess
    private let started: Reply<Int, SystemError>
    private let end: Task<ChildExit?, Never>

    init(_ launch: Launch) {
        let (child, started) = (ChildProcess(launch), Reply<Int, SystemError>())
        self.child = child
        self.started = started
        end = Task {
            await NamedThread.run("bench-child") {
                do throws(SystemError) {
                    return try child.runBlocking(onStart: { started.bring(.success(Int($0))) })
                } catch {
                    started.bring(.failure(error))
                    return nil
                }
            }
        }
    }

    /// Waits until it runs. To be asked once.
    func pid() async throws(SystemError) -> Int { try await started.value() }

    /// Ends it; SIGTERM first unless `killAfter` is zero.
    /// - Returns: nil for one that never ran.
    func end(killAfter: Duration) async -> ChildExit? {
        child.end(killAfter: killAfter)
        return await end.value
    }
}
