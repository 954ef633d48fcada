import Glibc
import MillraceTesting
import Platform

/// What an operator's init system does: starts services again when they have died.
actor Supervisor {
    enum Mode: String, Sendable, CaseIterable {
        /// `millrace up`: all services in one process.
        case up
        /// `millrace run …`: a process each.
        case services
    }

    let mode: Mode
    private let site: Site
    private var running: [String: MillraceProcess] = [:]
    private var deaths: [String: Int] = [:]

    init(_ mode: Mode, _ site: Site) {
        self.mode = mode
        self.site = site
    }

    nonisolated var services: [String] {
        switch mode {
        case .up: ["up"]
        case .services: ["proxy-server", "orchestrator", "monitor-system"]
        }
    }

    func start() async throws {
        for service in services { try await start(service) }
        try await eventually("millrace to answer") {
            try checkAlive()
            return await site.http.get("/livez")?.status == 200
        }
    }

    private func start(_ service: String) async throws {
        let arguments = service == "up" ? ["up"] : ["run", service]
        running[service] = try await site.start(
            arguments, log: service, port: service == "up" || service == "proxy-server" ? site.port : nil)
    }

    /// Kills services and workers, all of them before any is started again.
    /// - Returns: the generator, to go on with.
    func kill(_ services: [String], workers: Int, using random: SeededGenerator) async throws -> SeededGenerator {
        var random = random
        try checkAlive()
        for service in services { running[service]?.signal(SIGKILL) }
        killWorkers(workers, using: &random)
        for service in services { _ = try await running[service]?.exit() }
        for service in services { try await start(service) }
        return random
    }

    /// A step is given up when it has ended its worker three times. With two kills for each task, none has.
    private func killWorkers(_ count: Int, using random: inout SeededGenerator) {
        var left = count
        for worker in site.processes.workers().shuffled(using: &random) where left > 0 {
            guard let task = worker.task, deaths[task, default: 0] < 2 else { continue }
            deaths[task, default: 0] += 1
            left -= 1
            Glibc.kill(pid_t(worker.pid), SIGKILL)
        }
    }

    /// - Throws: where a service has ended that nobody has killed.
    func checkAlive() throws {
        for (service, process) in running where process.hasEnded {
            throw Broken("\(service) has ended by itself")
        }
    }

    /// SIGTERM for all, and what must come of it: exit status 0, and nothing that still runs.
    func stop() async throws {
        for process in running.values { process.signal(SIGTERM) }
        for (service, process) in running {
            try expectEqual(try await process.exit(), .exited(0), "\(service), stopped")
        }
        try site.expectNoProcesses()
    }
}
