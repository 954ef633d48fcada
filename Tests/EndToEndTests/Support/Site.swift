import Glibc
import MillraceApp
import MillraceCore
import MillracePorts
import MillraceTesting
import Platform
import SQLiteBus
import SQLiteStore
import Synchronization

@testable import MillraceApp

/// A Millrace of a test's own: a folder, a configuration in it, and the processes that are started on it.
final class Site: Sendable {
    let folder: String
    /// Known before the start, so that a service that is started again is found at the same place.
    let port = HTTP.freePort()
    private let started = Mutex<[MillraceProcess]>([])

    var data: String { folder + "/data" }
    var configuration: String { folder + "/millrace.yaml" }
    var http: HTTP { HTTP(port: port) }
    var processes: FolderProcesses { FolderProcesses(folder: folder) }

    private init(folder: String, configuration text: String) throws {
        self.folder = folder
        try Files.makeFolder(data)
        try writeFile(text.replacing("FOLDER", with: folder), to: configuration)
    }

    /// Runs `body` and then ends all that was started, with nothing left behind. What it throws is told with the ends of
    /// the services' logs.
    /// - Parameter configuration: `FOLDER` in it stands for the site's folder.
    static func with(_ configuration: String, _ body: (Site) async throws -> Void) async throws {
        try await withTemporaryFolder { folder in
            let site = try Site(folder: folder, configuration: configuration)
            do {
                try await body(site)
            } catch {
                let logs = site.logs()
                await site.killAll()
                throw Broken("\(error)\n\(logs)")
            }
            await site.killAll()
        }
    }

    // MARK: Processes

    func start(
        _ arguments: [String], log: String, port: Int? = nil, environment: [String: String] = [:]
    ) async throws -> MillraceProcess {
        var arguments = arguments + ["--data", data, "--config", configuration]
        if let port { arguments += ["--port", String(port)] }
        let process = try await MillraceProcess.start(
            arguments, log: "\(folder)/\(log).log", environment: environment)
        started.withLock { $0.append(process) }
        return process
    }

    /// `millrace up`, on the site's port, once it answers.
    @discardableResult
    func up(log: String = "up", environment: [String: String] = [:]) async throws -> MillraceProcess {
        let process = try await start(["up"], log: log, port: port, environment: environment)
        try await waitUntilReady(process)
        return process
    }

    func waitUntilReady(_ process: MillraceProcess) async throws {
        try await eventually("millrace to answer") {
            guard !process.hasEnded else { throw Broken("millrace has ended: \(process.said.suffix(2000))") }
            return await http.get("/livez")?.status == 200
        }
    }

    /// SIGTERM, and an end as it should be.
    func stop(_ process: MillraceProcess, by signal: CInt = SIGTERM) async throws {
        process.signal(signal)
        try expectEqual(try await process.exit(), .exited(0), "a stopped millrace")
        try expectNoProcesses()
    }

    /// Nothing runs on this site any more.
    func expectNoProcesses() throws {
        let left = processes.all()
        try expect(left.isEmpty, "still running: \(left)")
    }

    private func killAll() async {
        for process in started.withLock({ $0 }) where !process.hasEnded { try? await process.kill() }
        for _ in 0..<50 {
            let left = processes.all()
            if left.isEmpty { return }
            for process in left { kill(pid_t(process.pid), SIGKILL) }
            try? await eventually("their end", within: .milliseconds(100)) { self.processes.all().isEmpty }
        }
    }

    /// What replicas' logs say of steps that they tried again.
    var retries: String {
        ((try? Files.names(in: data + "/logs")) ?? []).flatMap { name in
            String(decoding: (try? readFile("\(data)/logs/\(name)")) ?? [], as: UTF8.self).split(separator: "\n")
                .filter { $0.contains("failed for now") }.map { "\(name): \($0)" }
        }.joined(separator: "\n")
    }

    private func logs() -> String {
        let files = ((try? Files.names(in: folder)) ?? []).filter { $0.hasSuffix(".log") }.map { "\(folder)/\($0)" }
        let replicas = ((try? Files.names(in: data + "/logs")) ?? []).map { "\(data)/logs/\($0)" }
        return (files + replicas).sorted().map { path in
            let text = (try? readFile(path)) ?? []
            return "--- \(path)\n" + String(decoding: text.suffix(4000), as: UTF8.self)
        }.joined(separator: "\n")
    }

    // MARK: What it has

    func withStore<Value>(_ body: (SQLiteOrderStore) async throws -> Value) async throws -> Value {
        let store = try await SQLiteOrderStore.open(path: data + "/store.sqlite")
        do {
            let value = try await body(store)
            await store.close()
            return value
        } catch {
            await store.close()
            throw error
        }
    }

    func withBus<Value>(_ body: (SQLiteBus) async throws -> Value) async throws -> Value {
        let bus = try SQLiteBus(path: data + "/bus.sqlite")
        do {
            let value = try await body(bus)
            await bus.close()
            return value
        } catch {
            await bus.close()
            throw error
        }
    }
}
