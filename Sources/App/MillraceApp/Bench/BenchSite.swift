import KafkaBus
import Logging
import MillraceCore
import MillracePorts
import Platform
import PostgresStore

/// Where a bench runs: a new folder, topics of its own on Kafka, a schema of its own in PostgreSQL. All of them go when it
/// ends, so that no bench meets what another has left behind.
struct BenchSite: Sendable {
    let folder: String
    let settings: Settings
    let adapters: Adapters
    /// What the settings were read from, for processes that are started with the same.
    let configFile: String?
    let environment: [String: String]

    /// - Parameters:
    ///   - yaml: the configuration file, if one is needed.
    ///   - fixed: settings that count over the command line's.
    static func with<Value: Sendable>(
        yaml: String? = nil, _ flags: SettingFlags, fixed: [String: String] = [:],
        _ body: (BenchSite) async throws -> Value
    ) async throws -> Value {
        try await withBenchFolder { folder in
            var given = flags.given.merging(fixed) { _, fixed in fixed }
            given["data"] = folder + "/data"
            given["logLevel"] = given["logLevel"] ?? "warning"
            let name = "bench_\(OwnProcess.pid)_\(SystemClock.wallMicroseconds)"
            given["kafkaTopicPrefix"] = (given["kafkaTopicPrefix"] ?? "") + name + "."
            var configFile: String?
            if let yaml {
                let path = folder + "/millrace.yaml"
                try Files.write(Array(yaml.utf8), to: path)
                configFile = path
            }
            let asked = try Settings(flags: given, configFile: configFile, environment: OwnProcess.environment)
            var environment = OwnProcess.environment
            if asked.store == .postgres {
                guard let url = PostgresSchema.url(asked.databaseURL, in: name), !asked.databaseURL.isEmpty else {
                    throw Failure(
                        .usage, "millrace: with --store postgres, a bench needs DATABASE_URL, without ‘options’")
                }
                given["databaseUrl"] = nil
                environment["DATABASE_URL"] = url
                try await PostgresSchema.create(name, at: asked.databaseURL)
            }
            let result = await Result<Value, any Error>.catching {
                let settings = try Settings(flags: given, configFile: configFile, environment: environment)
                let adapters = try Adapters(settings, label: "bench")
                let site = BenchSite(
                    folder: folder, settings: settings, adapters: adapters, configFile: configFile,
                    environment: environment)
                let result = await Result<Value, any Error>.catching { try await body(site) }
                await site.deleteTopics()
                return try result.get()
            }
            if asked.store == .postgres { try await PostgresSchema.drop(name, at: asked.databaseURL) }
            return try result.get()
        }
    }

    /// `millrace` with these settings.
    func launch(_ command: [String]) -> Launch {
        var words = [Adapters.ownPath] + command
        for setting in Setting.all where !setting.isSecret {
            if let value = settings.sources.flags[setting.key] { words.append("\(setting.flag)=\(value)") }
        }
        if let configFile { words += ["--config", configFile] }
        return Launch(command: words, environment: environment)
    }

    private func deleteTopics() async {
        guard let kafka = (try? adapters.existingBus()) as? KafkaBus else { return }
        do throws(BusError) { try await kafka.deleteTopics() } catch {
            adapters.logger.warning("the bench's topics are left behind: \(error)")
        }
        await kafka.close()
    }
}

/// A new folder that is removed afterwards, under `TMPDIR`.
func withBenchFolder<Value: Sendable>(_ body: (String) async throws -> Value) async throws -> Value {
    let base = OwnProcess.environment["TMPDIR"] ?? "/tmp"
    let folder = "\(base)/millrace-\(OwnProcess.pid)-\(SystemClock.wallMicroseconds)"
    try Files.makeFolder(folder)
    let result = await Result<Value, any Error>.catching { try await body(folder) }
    try? Files.remove(folder)
    return try result.get()
}
