import Glibc
import Logging
import MillraceCore
import Platform

/// All that Millrace is told, as plain values.
struct Settings: Sendable {
    var data: String
    var host: String
    var port: Int
    var bus: Bus
    var kafkaBootstrapServers: String
    var kafkaTopicPrefix: String
    var kafkaReplicationFactor: Int
    /// librdkafka's own, by their names.
    var kafkaProperties: [String: String]
    var store: Store
    /// Of PostgreSQL; empty where there is none.
    var databaseURL: String
    var imageRoot: String?
    var orderLimit: Int
    var imageLimit: Int
    var node: String
    var partitions: Int
    var retention: Duration
    var lease: Duration
    var meteringPeriod: Duration
    var usageDetail: Duration
    var usageRetention: Duration
    var logLevel: Logger.Level
    var tasks: [TaskName: TaskDefinition]
    /// The file it was read from, for processes that are started with the same.
    var configFile: String?
    var sources: SettingSources

    enum Bus: String, CaseIterable, Sendable { case sqlite, kafka }
    enum Store: String, CaseIterable, Sendable { case sqlite, postgres }

    /// Reads the configuration file, which may be absent only if nobody named it.
    /// - Parameter flags: what the command line says, by key.
    /// - Throws: `InvalidValue` naming the file and the field.
    init(
        flags: [String: String], configFile: String?, environment: [String: String]
    ) throws(InvalidValue) {
        let named = configFile ?? environment["MILLRACE_CONFIG"]
        let path = named ?? (Files.exists("millrace.yaml") ? "millrace.yaml" : nil)
        let file: ConfigFile
        if let path {
            let text: String
            do throws(SystemError) { text = String(decoding: try Files.read(path), as: UTF8.self) } catch {
                throw InvalidValue(field: path, "cannot be read: \(error)")
            }
            do throws(InvalidValue) { file = try ConfigFile(yaml: text) } catch {
                throw InvalidValue(field: path, error.description)
            }
        } else {
            file = try ConfigFile.builtin()
        }
        for key in environment.keys
        where key.hasPrefix("MILLRACE_") && !key.hasPrefix(Self.kafkaPrefix) && !Self.knownVariables.contains(key) {
            throw InvalidValue(field: key, "is not a variable of Millrace's: see Documentation/Settings.md")
        }
        try self.init(
            sources: SettingSources(flags: flags, environment: environment, file: file.settings), tasks: file.tasks)
        self.configFile = path
        kafkaProperties = file.kafkaProperties.merging(Self.kafkaProperties(in: environment)) { _, variable in variable
        }
    }

    private static let kafkaPrefix = "MILLRACE_KAFKA_"

    /// `MILLRACE_KAFKA_SECURITY_PROTOCOL` is librdkafka's `security.protocol`.
    private static func kafkaProperties(in environment: [String: String]) -> [String: String] {
        var properties: [String: String] = [:]
        for (key, value) in environment where key.hasPrefix(kafkaPrefix) && !knownVariables.contains(key) {
            properties[key.dropFirst(kafkaPrefix.count).lowercased().replacing("_", with: ".")] = value
        }
        return properties
    }

    /// Variables that are not settings: of the command line, and of replicas.
    static let knownVariables: Set<String> = Set(Setting.all.map(\.variable)).union([
        "MILLRACE_CONFIG", "MILLRACE_URL", "MILLRACE_LIFELINE", "MILLRACE_READY", "MILLRACE_INSTANCE",
        "MILLRACE_INPUT", "MILLRACE_OUTPUT", "MILLRACE_PARAMETERS", "MILLRACE_ORDER", "MILLRACE_TASK",
    ])

    init(sources: SettingSources, tasks: [TaskName: TaskDefinition]) throws(InvalidValue) {
        func invalid(_ key: String, _ problem: String) -> InvalidValue {
            let (value, source) = sources.origin(key)
            return InvalidValue(field: key, "\(problem), not ‘\(value)’ (from the \(source.rawValue))")
        }
        func number(_ key: String, _ range: ClosedRange<Int>) throws(InvalidValue) -> Int {
            guard let number = Int(sources.text(key)), range.contains(number) else {
                throw invalid(key, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }
        func duration(_ key: String) throws(InvalidValue) -> Duration {
            guard let duration = Duration(text: sources.text(key)) else {
                throw invalid(key, "must be a duration such as 30s or 10m")
            }
            return duration
        }
        for (key, choices) in [("fleet", ["process"])]
        where !choices.contains(sources.text(key)) {
            throw invalid(key, "must be \(choices.joined(separator: " or "))")
        }
        guard let level = Logger.Level(rawValue: sources.text("logLevel")) else {
            throw invalid("logLevel", "must be \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        data = sources.text("data")
        guard !data.isEmpty else { throw invalid("data", "must be a folder") }
        host = sources.text("host")
        port = try number("port", 0...65_535)
        guard let bus = Bus(rawValue: sources.text("bus")) else {
            throw invalid("bus", "must be \(Bus.allCases.map(\.rawValue).joined(separator: " or "))")
        }
        self.bus = bus
        kafkaBootstrapServers = sources.text("kafkaBootstrapServers")
        kafkaTopicPrefix = sources.text("kafkaTopicPrefix")
        // What brokers take in a name, and short enough for the 249 characters that they take in all.
        guard kafkaTopicPrefix.utf8.count <= 128,
            kafkaTopicPrefix.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) })
        else { throw invalid("kafkaTopicPrefix", "must be at most 128 letters, digits, dots, dashes and underscores") }
        kafkaReplicationFactor = try number("kafkaReplicationFactor", -1...32_767)
        guard kafkaReplicationFactor != 0 else { throw invalid("kafkaReplicationFactor", "must be -1 or at least 1") }
        kafkaProperties = [:]
        guard let store = Store(rawValue: sources.text("store")) else {
            throw invalid("store", "must be \(Store.allCases.map(\.rawValue).joined(separator: " or "))")
        }
        self.store = store
        databaseURL = sources.text("databaseUrl")
        let root = sources.text("imageRoot")
        imageRoot = root.isEmpty ? nil : root
        orderLimit = try number("orderLimit", 1024...(1 << 30))
        imageLimit = try number("imageLimit", 1024...(1 << 40))
        let named = sources.text("node")
        node = named.isEmpty ? Self.hostName : named
        partitions = try number("partitions", 1...1024)
        retention = try duration("retention")
        lease = try duration("lease")
        guard lease >= .seconds(1) else { throw invalid("lease", "must be at least 1s") }
        meteringPeriod = try duration("meteringPeriod")
        guard (.milliseconds(100) ... .seconds(3600)).contains(meteringPeriod) else {
            throw invalid("meteringPeriod", "must be from 100ms to 1h")
        }
        usageDetail = try duration("usageDetail")
        usageRetention = try duration("usageRetention")
        guard usageRetention >= usageDetail else {
            throw invalid("usageRetention", "must be no less than usageDetail")
        }
        logLevel = level
        self.tasks = tasks
        configFile = nil
        self.sources = sources
    }

    private static var hostName: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
        return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
