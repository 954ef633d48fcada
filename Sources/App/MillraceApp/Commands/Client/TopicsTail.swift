import ArgumentParser
import MillraceCore
import MillracePorts

struct TopicsTail: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail", abstract: "A topic's records as they come.",
        discussion: """
            Each as TOPIC/PARTITION@OFFSET TIME KEY HEADERS VALUE; a record without a value shows (null). With -o json: \
            one document per line. It reads without a group, so that nothing is taken from anyone, and ends with Ctrl-C \
            or after -n records. Records of one partition come in order. Partitions that the topic gets meanwhile are \
            not read.
            """)
    @Argument(help: "the topic") var topic: String
    @Flag(help: "start with the oldest record that is kept, not with the next to come") var fromBeginning = false
    @Option(help: "only this partition") var partition: Int?
    @Option(name: [.customShort("n"), .customLong("count")], help: "end after so many records") var count: Int?
    @OptionGroup var options: BusOptions

    func validate() throws {
        if let count, count < 1 { throw ValidationError("-n must be at least 1") }
    }

    func run() async throws {
        let (topic, partition, count, format) = (topic, partition, count, options.data.format)
        let isFromBeginning = fromBeginning
        try await options.withBus { bus in
            let description = try await bus.describe(topic: topic)
            let offsets = try Self.offsets(description, partition: partition, fromBeginning: isFromBeginning)
            let reader = try await bus.read(topic: topic, from: offsets)
            let result = await Result<Void, any Error>.catching {
                try await untilInterrupted { try await Self.show(reader, count: count, format: format) }
            }
            await reader.close()
            try result.get()
        }
    }

    static func offsets(
        _ topic: TopicDescription, partition: Int?, fromBeginning: Bool
    ) throws(Failure) -> [Int: Int64] {
        var offsets: [Int: Int64] = [:]
        for found in topic.partitions where partition == nil || partition == found.number {
            offsets[found.number] = fromBeginning ? found.begin : found.end
        }
        guard !offsets.isEmpty else {
            throw Failure(.usage, "millrace: --partition must be 0 to \(topic.partitions.count - 1)")
        }
        return offsets
    }

    private static func show(_ reader: any TopicReader, count: Int?, format: DataFormat) async throws {
        var left = count ?? .max
        while left > 0 {
            let records = try await reader.next(limit: min(left, 500))
            // A wait that was cancelled.
            if records.isEmpty { return }
            // A bus may hand out the whole batch that was written at once.
            for record in records.prefix(left) { Output.line(format == .json ? record.json : record.line) }
            left -= min(left, records.count)
        }
    }
}

extension BusRecord {
    /// For people, on one line.
    var line: String {
        var parts = ["\(topic)/\(partition)@\(offset)", Wording.time(publishedAt), key ?? "(null)"]
        parts += headers.map { "\($0.name)=\($0.value)" }
        return Wording.oneLine(parts.joined(separator: " ")) + " " + valueText
    }

    private var valueText: String {
        guard let value else { return "(null)" }
        guard let text = String(validating: value, as: UTF8.self) else { return "(\(value.count) bytes, no text)" }
        return Wording.oneLine(text)
    }

    /// The value as the JSON that it is; else as a string; else, as `valueHex`, in hexadecimal.
    var json: String {
        var writer = JSONWriter(capacity: 256 + (value?.count ?? 0))
        writer.beginObject()
        writer.field("topic", topic)
        writer.field("partition", partition)
        writer.field("offset", Int(offset))
        writer.field("publishedAt", publishedAt)
        writer.field("key", orNull: key.map { .string($0) })
        writer.key("headers")
        writer.object(Dictionary(headers.map { ($0.name, .string($0.value)) }) { _, last in last })
        guard let value else {
            writer.field("value", orNull: nil)
            writer.endObject()
            return writer.text
        }
        if let json = try? JSONValue(parsing: value) {
            writer.field("value", orNull: json)
        } else if let text = String(validating: value, as: UTF8.self) {
            writer.field("value", text)
        } else {
            writer.field("valueHex", value.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())
        }
        writer.endObject()
        return writer.text
    }
}
