import ArgumentParser
import Logging
import MillraceCore

/// Every setting as a flag: the flag counts over the variable, the variable over the file.
struct SettingFlags: ParsableArguments {
    @Option(help: "the configuration file (millrace.yaml here, if there is one)")
    var config: String?
    @Option(help: "the folder of the embedded bus and store, and of pictures")
    var data: String?
    @Option(help: "the address to listen on")
    var host: String?
    @Option(help: "the port to listen on; 0: any free one")
    var port: String?
    @Option(help: "sqlite or kafka")
    var bus: String?
    @Option(help: "of Kafka: host:port, with commas between several")
    var kafkaBootstrapServers: String?
    @Option(help: "before the name of each topic and group on Kafka")
    var kafkaTopicPrefix: String?
    @Option(help: "on how many brokers each new topic is kept")
    var kafkaReplicationFactor: String?
    @Option(help: "sqlite or postgres")
    var store: String?
    @Option(help: "of PostgreSQL; better given as DATABASE_URL, since everybody can see a command line")
    var databaseUrl: String?
    @Option(help: "process")
    var fleet: String?
    @Option(help: "the folder within which a raw HTTP request may name images by path")
    var imageRoot: String?
    @Option(help: "the largest body of an order, in bytes")
    var orderLimit: String?
    @Option(help: "the largest image, in bytes")
    var imageLimit: String?
    @Option(help: "this machine's name in messages")
    var node: String?
    @Option(help: "a task topic's partitions when it is made")
    var partitions: String?
    @Option(help: "how long a record is kept once every group has read it")
    var retention: String?
    @Option(help: "how long a silent member of a group keeps its partitions")
    var lease: String?
    @Option(help: "between two samples of a running step")
    var meteringPeriod: String?
    @Option(help: "how long samples are kept as they were taken; then as minutes")
    var usageDetail: String?
    @Option(help: "how long those minutes are kept")
    var usageRetention: String?
    @Option(help: "trace, debug, info, notice, warning, error or critical")
    var logLevel: String?

    /// What was given, by the settings' keys.
    var given: [String: String] {
        let all: [String: String?] = [
            "data": data, "host": host, "port": port, "bus": bus,
            "kafkaBootstrapServers": kafkaBootstrapServers, "kafkaTopicPrefix": kafkaTopicPrefix,
            "kafkaReplicationFactor": kafkaReplicationFactor,
            "store": store, "databaseUrl": databaseUrl,
            "fleet": fleet,
            "imageRoot": imageRoot, "orderLimit": orderLimit, "imageLimit": imageLimit, "node": node,
            "partitions": partitions, "retention": retention, "lease": lease, "meteringPeriod": meteringPeriod,
            "usageDetail": usageDetail,
            "usageRetention": usageRetention, "logLevel": logLevel,
        ]
        return all.compactMapValues { $0 }
    }

    func settings(over defaults: [String: String] = [:]) throws -> Settings {
        do throws(InvalidValue) {
            return try Settings(
                flags: defaults.merging(given) { _, flag in flag }, configFile: config,
                environment: OwnProcess.environment)
        } catch {
            throw Failure(.usage, "millrace: \(error)")
        }
    }
}

extension Settings {
    /// Logs go to standard error, so that standard output is the command's own.
    func logger(_ label: String) -> Logger {
        var logger = Logger(label: label) { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = logLevel
        return logger
    }
}
