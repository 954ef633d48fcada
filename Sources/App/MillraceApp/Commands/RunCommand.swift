import ArgumentParser
import ImageTasks
import Logging
import MillraceCore
import MillracePorts
import Platform
import ServiceLifecycle

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Runs one service by itself, over the same files.",
        subcommands: [
            RunProxyServer.self, RunOrchestrator.self, RunMonitorSystem.self, RunMonitorResources.self, RunWorker.self,
        ])
}

struct RunProxyServer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "proxy-server", abstract: "HTTP in, orders out.")
    @OptionGroup var flags: SettingFlags

    func run() async throws {
        let adapters = try Adapters(flags.settings(), label: "proxy-server")
        let bus = try await adapters.bus()
        let stores = try await adapters.stores()
        let proxy = try await adapters.proxyServer(bus: bus, stores: stores, images: adapters.images())
        try await adapters.serve([proxy]) {
            await stores.close()
            await bus.close()
        }
    }
}

struct RunOrchestrator: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "orchestrator", abstract: "Routes orders from task to task and scales the fleet.")
    @OptionGroup var flags: SettingFlags

    func run() async throws {
        let adapters = try Adapters(flags.settings(), label: "orchestrator")
        let bus = try await adapters.bus()
        let fleet = try adapters.fleet()
        try await adapters.serve([FleetService(fleet: fleet), adapters.orchestrator(bus: bus, fleet: fleet)]) {
            await bus.close()
        }
    }
}

struct RunMonitorSystem: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "monitor-system", abstract: "Knows every order and decides each task's replicas.")
    @OptionGroup var flags: SettingFlags

    func run() async throws {
        let adapters = try Adapters(flags.settings(), label: "monitor-system")
        let bus = try await adapters.bus()
        let stores = try await adapters.stores()
        try await adapters.serve([adapters.monitorSystem(bus: bus, store: stores.orders)]) {
            await stores.close()
            await bus.close()
        }
    }
}

struct RunMonitorResources: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "monitor-resources", abstract: "Meters every step that runs on this node.",
        discussion: "One for each node: `--node` is the name that this node's workers give themselves.")
    @OptionGroup var flags: SettingFlags

    func run() async throws {
        let adapters = try Adapters(flags.settings(), label: "monitor-resources")
        let bus = try await adapters.bus()
        let stores = try await adapters.stores()
        try await adapters.serve([adapters.monitorResources(bus: bus, usage: stores.usage)]) {
            await stores.close()
            await bus.close()
        }
    }
}

struct RunWorker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker", abstract: "One replica of a task.")
    @Option(help: "the task's name") var task: String
    @OptionGroup var flags: SettingFlags

    func run() async throws {
        let settings = try flags.settings()
        guard let definition = settings.tasks.first(where: { $0.key.text == task })?.value,
            let runner = BuiltinTasks.runner(for: definition)
        else {
            let known = settings.tasks.keys.sorted().map(\.text).joined(separator: ", ")
            throw Failure(.usage, "millrace: the task ‘\(task)’ is not in the configuration; there are \(known)")
        }
        let name = OwnProcess.environment["MILLRACE_INSTANCE"] ?? "\(task)-\(settings.node)-\(OwnProcess.pid)"
        if case .builtin(let builtin) = definition.kind, ImageTask.names.contains(builtin) {
            // Beside the rest of the start; without libvips each step says what to install.
            NamedThread.start("vips-load") { try? ImageTask.loadLibrary() }
        }
        if case .command = definition.kind {
            // Before the first step, of which it is no part.
            await NamedThread.run("guardian") { ChildProcess.prepareGuarding() }
        }
        let adapters = try Adapters(settings, label: name)
        let bus = try await adapters.bus()
        let images = try await adapters.images()
        let worker = adapters.worker(definition, runner, name: name, bus: bus, images: images) {
            Readiness.announce()
            // Now, and again when the first things that follow are done too.
            OwnMemory.trim()
        }
        // No replica outlives its parent by more than a moment: what it was doing is done again after the next start.
        let parentEnd = ParentEnd(hardExitAfter: .seconds(2))
        try await adapters.serve([worker, parentEnd], start: .seconds(1)) { await bus.close() }
    }
}

/// Ends the process's services when the process that started it is gone.
struct ParentEnd: Service {
    let hardExitAfter: Duration

    func run() async throws {
        let (ends, end) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let hasParent = Lifeline.watch(hardExitAfter: hardExitAfter) { end.yield() }
        guard hasParent else { return try await gracefulShutdown() }
        await cancelWhenGracefulShutdown {
            for await _ in ends { break }
        }
    }
}
