import ArgumentParser
import MillraceCore
import MillracePorts
import Platform

/// What Millrace takes while nothing is to be done.
struct BenchIdle: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "idle", abstract: "Memory and CPU of `up` and of idle workers.")
    @Option(help: "seconds to watch") var seconds = 10.0
    @OptionGroup var options: BenchOptions

    func run() async throws {
        guard seconds > 0, seconds <= 600 else { throw ValidationError("--seconds must be above 0 and at most 600") }
        let yaml = """
            port: 0
            tasks:
              noop: { builtin: noop, scaling: { min: 1, max: 1 } }
              command: { command: ["/bin/true"], scaling: { min: 1, max: 1 } }
              resize: { builtin: resize, scaling: { min: 1, max: 1 } }
            """
        let seconds = seconds
        let output = options.output
        let fixed = ["logLevel": "error"]
        try await BenchSite.with(yaml: yaml, options.flags, fixed: fixed) { site in
            // A process of its own, so that nothing of this bench is in it.
            let launch = site.launch(["up"])
            let result = await withTaskGroup(of: Result<Figures, any Error>?.self) { group in
                group.addTask {
                    _ = try? await ChildProcess.run(launch, killAfter: .seconds(30))
                    return nil
                }
                group.addTask { await .catching { try await Self.watch(site, for: seconds) } }
                // The figures, or the end of `up`; then the other.
                let first = await group.next() ?? nil
                group.cancelAll()
                return first ?? .failure(Failure(.failed, "millrace: `up` ended early"))
            }
            try result.get().show(asJSON: output == .json)
        }
    }

    private static func watch(_ site: BenchSite, for seconds: Double) async throws -> Figures {
        let tasks = ["noop", "command", "resize"]
        // Nobody but `up` makes the file.
        let file = site.adapters.folder.bus
        while site.settings.bus == .sqlite, !Files.exists(file) { try await Task.sleep(for: .milliseconds(50)) }
        let probe = try site.adapters.existingBus()
        for task in tasks {
            while await (try? probe.describe(group: task, topic: task).members.count) ?? 0 < 1 {
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        await probe.close()
        // What the start left to do is done by then.
        try await Task.sleep(for: .seconds(2))
        let members = OwnProcesses.members().dropFirst()
        let before = Dictionary(uniqueKeysWithValues: members.map { ($0, OwnProcesses.cpuSeconds(of: $0)) })
        try await Task.sleep(for: .seconds(seconds))
        var figures = Figures()
        for pid in members {
            guard let memory = OwnProcesses.memory(of: pid), let start = before[pid] ?? nil,
                let end = OwnProcesses.cpuSeconds(of: pid)
            else { continue }
            figures.set(
                OwnProcesses.role(of: pid),
                .object([
                    "residentBytes": .integer(memory.resident), "privateBytes": .integer(memory.own),
                    "cpuFraction": .number((end - start) / seconds),
                ]))
        }
        return figures
    }
}
