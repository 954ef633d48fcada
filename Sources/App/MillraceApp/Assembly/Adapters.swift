import CommandTasks
import FileImages
import Glibc
import ImageTasks
import KafkaBus
import LinuxUsage
import Logging
import MillraceCore
import MillracePorts
import Platform
import PostgresStore
import ProcessFleet
import SQLiteBus
import SQLiteStore

/// The one place that picks adapters.
struct Adapters: Sendable {
    let settings: Settings
    let folder: DataFolder
    let logger: Logger

    init(_ settings: Settings, logger: Logger) throws(SystemError) {
        self.settings = settings
        self.logger = logger
        folder = try DataFolder.open(settings.data)
    }

    /// The bus, with Millrace's own topics in it.
    /// - Throws: `Failure` with one line that says what is wrong.
    func bus() async throws(Failure) -> any MessageBus {
        do throws(BusError) { return try await openBus() } catch {
            throw Failure(.unreachable, "millrace: \(error)")
        }
    }

    private func openBus() async throws(BusError) -> any MessageBus {
        let bus = try existingBus()
        if let kafka = bus as? KafkaBus { try await kafka.check() }
        // One reader is active at a time: more partitions would only make its batches smaller.
        try await bus.createTopic(Topic.orchestrator, partitions: 1, retention: settings.retention)
        try await bus.createTopic(Topic.system, partitions: 1, retention: settings.retention)
        try await bus.createTopic(Topic.resource, partitions: 1, retention: .seconds(3600))
        try await bus.createTopic(Topic.deadLetter, partitions: 1, retention: .seconds(7 * 86_400))
        return bus
    }

    /// The bus as it is, for those who only look.
    func existingBus() throws(BusError) -> any MessageBus {
        switch settings.bus {
        case .sqlite:
            return try SQLiteBus(path: folder.bus)
        case .kafka: return try Self.kafka(settings, logger: logger)
        }
    }

    /// The Kafka bus itself, for what only it can tell.
    static func kafka(_ settings: Settings, logger: Logger) throws(BusError) -> KafkaBus {
        try KafkaBus(
            KafkaSettings(
                bootstrapServers: settings.kafkaBootstrapServers, properties: settings.kafkaProperties,
                topicPrefix: settings.kafkaTopicPrefix, replicationFactor: settings.kafkaReplicationFactor),
            logger: logger)
    }

    /// - Throws: `Failure` with one line that says what is wrong.
    func stores() async throws(Failure) -> Stores {
        do throws(StoreError) { return try await openStores() } catch {
            throw Failure(.unreachable, "millrace: \(error)")
        }
    }

    func openStores() async throws(StoreError) -> Stores {
        switch settings.store {
        case .sqlite:
            let orders = try await SQLiteOrderStore.open(path: folder.store)
            return Stores(orders: orders, usage: SQLiteUsageStore(sharing: orders))
        case .postgres:
            guard !settings.databaseURL.isEmpty else {
                throw StoreError(
                    .unavailable, "opening the store", cause: "store is postgres, and DATABASE_URL is not set")
            }
            let orders = try await PostgresOrderStore.open(url: settings.databaseURL)
            return Stores(orders: orders, usage: PostgresUsageStore(sharing: orders))
        }
    }

    func images() async throws(ImageStoreError) -> any ImageStore {
        try await FileImageStore.open(folder: folder.path, limit: settings.imageLimit)
    }

    func meter(of task: TaskDefinition) -> any RunMeter {
        if case .command = task.kind { return CommandMeter(node: settings.node) }
        return ProcessMeter(node: settings.node)
    }

    static func usageSource() -> any UsageSource { LinuxUsageSource() }

    func fleet() throws(FleetError) -> ProcessFleet {
        try ProcessFleet(
            settings: ProcessFleetSettings(
                gracePeriods: settings.tasks.mapValues(\.gracePeriod), executable: Self.ownPath,
                arguments: { [settings] task, _ in settings.replicaArguments(task) }, logFolder: folder.logs),
            logger: logger)
    }

    /// The running executable's path.
    static var ownPath: String {
        var path = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &path, path.count)
        guard count > 0 else { return CommandLine.arguments[0] }
        return String(decoding: path[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    static let now: @Sendable () -> Timestamp = { Timestamp(microseconds: SystemClock.wallMicroseconds) }
}

/// What is kept, in one place.
struct Stores: Sendable {
    let orders: any OrderStore
    let usage: any UsageStore

    func close() async {
        await usage.close()
        await orders.close()
    }
}

extension Settings {
    /// A replica is this executable again, with the same settings: the file's and the command line's; variables it
    /// inherits.
    func replicaArguments(_ task: TaskName) -> [String] {
        var arguments = ["run", "worker", "--task", task.text]
        // A secret is in no command line; replicas need none of them.
        for setting in Setting.all where !setting.isSecret {
            if let value = sources.flags[setting.key] { arguments.append("\(setting.flag)=\(value)") }
        }
        if let configFile { arguments += ["--config", configFile] }
        return arguments
    }
}
