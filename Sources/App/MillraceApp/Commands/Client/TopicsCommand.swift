import ArgumentParser
import MillraceCore
import MillracePorts
import Platform

struct TopicsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topics", abstract: "Topics, partitions, messages with key and partition.",
        discussion: "These look at the bus itself, in the data folder (--data) or on Kafka; no service needs to run.",
        subcommands: [TopicsList.self, TopicsDescribe.self, TopicsGrow.self, TopicsTail.self])
}

/// What every command takes that talks to the bus.
struct BusOptions: ParsableArguments {
    @OptionGroup var data: DataOptions
    @OptionGroup var flags: SettingFlags

    /// Runs `body` with the bus that is there; none is made.
    func withBus<Value: Sendable>(_ body: (any MessageBus) async throws -> Value) async throws -> Value {
        let settings = try flags.settings()
        let file = DataFolder(path: settings.data).bus
        guard settings.bus != .sqlite || Files.exists(file) else {
            throw Failure(
                .unreachable, "millrace: no bus at \(file); name the data folder with --data, or start `millrace up`")
        }
        let adapters = try Adapters(settings, label: "topics")
        do {
            let bus = try adapters.existingBus()
            let result = await Result<Value, any Error>.catching { try await body(bus) }
            await bus.close()
            return try result.get()
        } catch let error as BusError where error.code == .unknownTopic {
            throw Failure(
                .failed, "millrace: there is no such topic (`millrace topics list` shows all): \(error.doing)")
        } catch let error as BusError {
            throw Failure(.unreachable, "millrace: \(error)")
        }
    }
}

struct TopicsList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "All topics, by name.")
    @OptionGroup var options: BusOptions

    func run() async throws {
        let topics = try await options.withBus { try await TopicView.all(on: $0) }
        switch options.data.format {
        case .json: Output.line(TopicView.json(topics))
        case .text:
            TopicView.table(topics).show()
            for view in topics where view.groupProblem != nil { Output.line("\(view.topic.name): \(view.groupLine)") }
        }
    }
}

struct TopicsDescribe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe", abstract: "A topic's partitions: what is in them, who reads them, how far.",
        discussion: """
            Begin is the offset of the oldest record that is kept, end that of the next to come, committed that of the \
            next to be read by the group. Leader, replicas and in sync are numbers of Kafka's brokers.
            """)
    @Argument(help: "the topic") var topic: String
    @OptionGroup var options: BusOptions

    func run() async throws {
        let topic = topic
        let view = try await options.withBus { try await TopicView($0.describe(topic: topic), on: $0) }
        switch options.data.format {
        case .json: Output.line(view.json)
        case .text:
            Output.line("topic  \(view.topic.name)")
            Output.line("group  \(view.groupLine)")
            Output.line("")
            view.partitionTable.show()
        }
    }
}

struct TopicsGrow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "grow", abstract: "Gives a topic more partitions.",
        usage: "millrace topics grow <topic> --partitions <number> [--data <folder>] [-o json]",
        discussion: """
            --partitions says how many it is to have. A topic never shrinks: fewer than it has is an error, and changes \
            nothing. Its records stay where they are; its group spreads over the new partitions without a restart.
            """)
    @Argument(help: "the topic") var topic: String
    @OptionGroup var options: BusOptions

    func validate() throws {
        // The flag is that of the setting, which has the same meaning for a topic that is made.
        guard options.flags.partitions != nil else { throw ValidationError("--partitions is missing") }
    }

    func run() async throws {
        let (topic, wanted) = (topic, try options.flags.settings().partitions)
        let (before, after) = try await options.withBus { bus in
            let before = try await bus.describe(topic: topic).partitions.count
            guard wanted >= before else {
                throw Failure(
                    .usage,
                    "millrace: \(topic) has \(Wording.count(before, "partition")) and cannot shrink to \(wanted)")
            }
            if wanted > before { try await bus.growTopic(topic, to: wanted) }
            return (before, try await bus.describe(topic: topic).partitions.count)
        }
        guard options.data.format == .text else {
            var writer = JSONWriter()
            writer.beginObject()
            writer.field("topic", topic)
            writer.field("before", before)
            writer.field("partitions", after)
            writer.endObject()
            return Output.line(writer.text)
        }
        let grown = "\(topic): \(before) → \(Wording.count(after, "partition"))"
        Output.line(before == after ? "\(topic) has \(Wording.count(after, "partition")) already" : grown)
    }
}
