import CKafka
import MillracePorts

/// What a handle of librdkafka is for; each use has its properties.
enum KafkaRole: Sendable {
    /// Sends; `linger` is how long a record waits for others.
    case sender(linger: Duration)
    /// Asks and administers.
    case questions
    /// Reads partitions that it is told, outside of groups.
    case reader
    case member(Membership, groupID: String)

    var type: rd_kafka_type_t {
        switch self {
        case .sender, .questions: RD_KAFKA_PRODUCER
        case .reader, .member: RD_KAFKA_CONSUMER
        }
    }

    /// Which events come through queues instead of callbacks.
    var events: Int32 {
        switch self {
        case .sender: RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR
        case .questions: RD_KAFKA_EVENT_ERROR
        // Nobody polls a reader's own queue: its errors are log lines.
        case .reader: 0
        case .member: RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_OFFSET_COMMIT | RD_KAFKA_EVENT_ERROR
        }
    }
}

/// Makes librdkafka's configurations out of ours.
enum KafkaConfiguration {
    /// What the adapter's promises rest on: setting one of these is an error.
    static let reserved: Set<String> = [
        "acks", "request.required.acks", "enable.idempotence", "enable.auto.commit", "enable.auto.offset.store",
        "partition.assignment.strategy", "group.id", "group.instance.id", "bootstrap.servers",
        "metadata.broker.list", "auto.offset.reset", "transactional.id", "log.queue", "enable.partition.eof",
        "allow.auto.create.topics", "group.protocol", "group.remote.assignor",
    ]

    /// - Returns: a configuration, which `rd_kafka_new` takes over.
    /// - Throws: `unsupported`, with the name of the property that librdkafka does not know or whose value it refuses.
    static func make(_ role: KafkaRole, _ settings: KafkaSettings) throws(BusError) -> OpaquePointer {
        if let problem = ckafka_load() {
            throw BusError(.unavailable, "using Kafka", cause: String(cString: problem))
        }
        guard let configuration = rd_kafka_conf_new() else {
            throw BusError(.unavailable, "making a configuration of librdkafka")
        }
        do throws(BusError) {
            for (name, value) in defaults(role, settings) { try set(name, value, in: configuration) }
            for (name, value) in settings.properties.sorted(by: { $0.key < $1.key }) {
                guard !reserved.contains(name) else {
                    throw BusError(
                        .unsupported, "setting the Kafka property ‘\(name)’",
                        cause: "Millrace sets it itself, since its promises rest on it")
                }
                try set(name, value, in: configuration)
            }
            for (name, value) in requirements(role, settings) { try set(name, value, in: configuration) }
        } catch {
            rd_kafka_conf_destroy(configuration)
            throw error
        }
        rd_kafka_conf_set_events(configuration, role.events)
        return configuration
    }

    /// Throws what ``make(_:_:)`` would throw.
    static func check(_ role: KafkaRole, _ settings: KafkaSettings) throws(BusError) {
        rd_kafka_conf_destroy(try make(role, settings))
    }

    private static func set(_ name: String, _ value: String, in configuration: OpaquePointer) throws(BusError) {
        var text = [CChar](repeating: 0, count: 512)
        guard rd_kafka_conf_set(configuration, name, value, &text, text.count) != RD_KAFKA_CONF_OK else { return }
        // librdkafka's reason quotes the value, and a value may be a secret.
        let isSecret = ["password", "secret", "key", "oauthbearer"].contains { name.contains($0) }
        throw BusError(
            .unsupported, "setting the Kafka property ‘\(name)’",
            cause: isSecret ? "librdkafka does not take it" : String(nulTerminated: text))
    }

    private static func defaults(_ role: KafkaRole, _ settings: KafkaSettings) -> [(String, String)] {
        let common = [
            // Small requests are answered at once.
            ("socket.nagle.disable", "true"), ("socket.keepalive.enable", "true"),
            // A broker that is back is found again soon.
            ("reconnect.backoff.ms", "50"), ("reconnect.backoff.max.ms", "2000"),
            ("log.connection.close", "false"), ("client.id", "millrace"),
            ("topic.metadata.refresh.interval.ms", String(settings.metadataInterval.milliseconds)),
        ]
        switch role {
        case .sender(let linger):
            return common + [
                ("linger.ms", String(linger.milliseconds)),
                ("delivery.timeout.ms", String(settings.deliveryTimeout.milliseconds)),
                // Above the adapter's own bounds, which make senders wait.
                ("queue.buffering.max.messages", "1000000"), ("queue.buffering.max.kbytes", "262144"),
            ]
        case .questions:
            return common
        case .reader:
            return common + reading
        case .member(let membership, _):
            let session = max(membership.lease, settings.minimumLease)
            let hold = max(membership.releaseTimeout, session) + .seconds(30)
            return common + reading + [
                ("session.timeout.ms", String(session.milliseconds)),
                ("heartbeat.interval.ms", String(min(settings.heartbeatInterval, session / 3).milliseconds)),
                ("max.poll.interval.ms", String(min(86_400_000, hold.milliseconds))),
            ]
        }
    }

    /// What a handle reads ahead: 32 MB over all its partitions, then it waits for the reader. It looks again only half
    /// a second later (librdkafka 2.0.2), so a bound that a quick reader meets often would cost it that each time.
    private static let reading = [
        ("queued.min.messages", "100000"), ("queued.max.messages.kbytes", "32768"), ("fetch.error.backoff.ms", "50"),
        // A partition that is added waits behind the fetch that is under way, which waits so long for records.
        ("fetch.wait.max.ms", "100"),
    ]

    private static func requirements(_ role: KafkaRole, _ settings: KafkaSettings) -> [(String, String)] {
        var all = [("bootstrap.servers", settings.bootstrapServers), ("allow.auto.create.topics", "false")]
        switch role {
        case .sender: all += [("enable.idempotence", "true"), ("acks", "all")]
        case .questions: break
        case .reader: all += [("auto.offset.reset", "error"), ("enable.auto.offset.store", "false")]
        case .member(let membership, let groupID):
            all += [
                // Members are known by it.
                ("client.id", membership.name), ("group.id", groupID),
                ("partition.assignment.strategy", "cooperative-sticky"),
                ("enable.auto.commit", "false"), ("enable.auto.offset.store", "false"),
                // See `KafkaLog.isJoining`.
                ("debug", ["cgrp", settings.properties["debug"]].compactMap(\.self).joined(separator: ",")),
                // A grown partition's first records came before the group knew of it.
                ("auto.offset.reset", membership.start == .kept ? "error" : "earliest"),
            ]
        }
        return all
    }
}

extension String {
    init(nulTerminated text: [CChar]) {
        self.init(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
