import Configuration

/// One setting: what it is called, what it is for, what it is where nobody says.
struct Setting: Sendable {
    /// In `millrace.yaml`, and with `MILLRACE_` ahead in the environment: `imageRoot` is `MILLRACE_IMAGE_ROOT`.
    var key: String
    var fallback: String
    var meaning: String
    var isSecret = false
    /// The variable's name where there is one that everybody uses.
    var standardVariable: String?

    var variable: String {
        standardVariable
            ?? key.reduce(into: "MILLRACE_") { name, character in
                if character.isUppercase { name.append("_") }
                name.append(character.uppercased())
            }
    }

    /// All of them, in the order of the reference page (`Documentation/Settings.md`).
    static let all: [Setting] = [
        Setting(
            key: "data", fallback: "millrace-data", meaning: "the folder of the embedded bus and store, and of pictures"
        ),
        Setting(key: "host", fallback: "127.0.0.1", meaning: "the address that proxy-server listens on"),
        Setting(key: "port", fallback: "8420", meaning: "the port that proxy-server listens on; 0: any free one"),
        Setting(key: "bus", fallback: "sqlite", meaning: "sqlite or kafka"),
        Setting(key: "store", fallback: "sqlite", meaning: "sqlite or postgres"),
        Setting(key: "fleet", fallback: "process", meaning: "process"),
        Setting(
            key: "kafkaBootstrapServers", fallback: "127.0.0.1:9092",
            meaning: "of Kafka: `host:port`, with commas between several", standardVariable: "KAFKA_BOOTSTRAP_SERVERS"),
        Setting(
            key: "kafkaTopicPrefix", fallback: "",
            meaning: "before the name of each topic and group on Kafka: so several Millraces can share a cluster"),
        Setting(
            key: "kafkaReplicationFactor", fallback: "-1",
            meaning: "on how many brokers each new topic is kept; -1: the cluster's default"),
        Setting(
            key: "databaseUrl", fallback: "",
            meaning:
                "of PostgreSQL: `postgresql://user:password@host/database?sslmode=verify-full`, all that libpq takes",
            isSecret: true, standardVariable: "DATABASE_URL"),
        Setting(
            key: "imageRoot", fallback: "",
            meaning: "the folder within which an order sent over HTTP may name an image by its path; empty: none"),
        Setting(key: "orderLimit", fallback: "1048576", meaning: "the largest body of an order, in bytes"),
        Setting(key: "imageLimit", fallback: "67108864", meaning: "the largest image, in bytes"),
        Setting(key: "node", fallback: "", meaning: "this machine's name in messages; empty: its host name"),
        Setting(key: "partitions", fallback: "8", meaning: "a task topic's partitions when it is made"),
        Setting(key: "retention", fallback: "10m", meaning: "how long a record is kept once every group has read it"),
        Setting(key: "lease", fallback: "10s", meaning: "how long a silent member of a group keeps its partitions"),
        Setting(
            key: "meteringPeriod", fallback: "1s", meaning: "between two samples of a running step; 100ms at least"),
        Setting(
            key: "usageDetail", fallback: "7d", meaning: "how long samples are kept as they were taken; then as minutes"
        ),
        Setting(key: "usageRetention", fallback: "90d", meaning: "how long those minutes are kept"),
        Setting(key: "logLevel", fallback: "info", meaning: "trace, debug, info, notice, warning, error or critical"),
    ]
}

/// Where each setting's value comes from: flag over variable over file over default.
struct SettingSources: Sendable {
    enum Source: String, Sendable {
        case flag, variable, file
        case fallback = "default"
    }

    private let providers: [(Source, any ConfigProvider)]
    /// What the command line said, by key.
    let flags: [String: String]

    init(flags: [String: String], environment: [String: String], file: [String: String]) {
        self.flags = flags
        func provider(_ name: String, _ values: [String: String]) -> InMemoryProvider {
            InMemoryProvider(
                name: name,
                values: Dictionary(
                    uniqueKeysWithValues: values.map {
                        (AbsoluteConfigKey([$0.key]), ConfigValue(.string($0.value), isSecret: false))
                    }))
        }
        var variables: [String: String] = [:]
        for setting in Setting.all { variables[setting.key] = environment[setting.variable] }
        providers = [
            (.flag, provider("flag", flags)), (.variable, provider("variable", variables)),
            (.file, provider("file", file)),
            (
                .fallback,
                provider("default", Dictionary(uniqueKeysWithValues: Setting.all.map { ($0.key, $0.fallback) }))
            ),
        ]
    }

    /// The value that counts.
    func text(_ key: String) -> String {
        ConfigReader(providers: providers.map(\.1)).string(forKey: ConfigKey([key])) ?? ""
    }

    /// The value that counts, and who gave it.
    func origin(_ key: String) -> (value: String, source: Source) {
        for (source, provider) in providers {
            guard let found = try? provider.value(forKey: AbsoluteConfigKey([key]), type: .string).value,
                case .string(let text) = found.content
            else { continue }
            return (text, source)
        }
        return ("", .fallback)
    }
}
