import CKafka
import Glibc
import Logging
import MillracePorts
import Synchronization

/// An object of librdkafka: a client, a queue, a topic.
struct KafkaPointer: @unchecked Sendable {
    // librdkafka's objects may be used by any thread, until whoever owns them destroys them.
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) { self.pointer = pointer }
}

/// What a handle's log lines tell, and where they go.
final class KafkaLog: Sendable {
    let health: KafkaHealth
    private let joining = Atomic(false)

    init(_ health: KafkaHealth) { self.health = health }

    /// Whether a member is between asking to join its group anew and knowing what came of it. librdkafka says so in its log
    /// alone (`debug` of `cgrp`), on the thread that joins, before it sends the request.
    var isJoining: Bool { joining.load(ordering: .acquiring) }

    func take(level: Int32, facility: UnsafePointer<CChar>, text: UnsafePointer<CChar>) {
        if strcmp(facility, "CGRPJOINSTATE") == 0 {
            let state = String(cString: text).split(separator: " ").suffix(3).first ?? ""
            joining.store(["init", "wait-join", "wait-metadata", "wait-sync"].contains(state), ordering: .releasing)
        }
        // Most are debug lines, which nobody has asked for: they cost a member next to nothing.
        guard level < 7 || health.logger.logLevel <= .trace else { return }
        health.log(level: level, facility: String(cString: facility), String(cString: text))
    }
}

/// A client of librdkafka with its threads and connections. Its owner destroys it, once, when nobody uses it.
final class KafkaHandle: Sendable {
    private let client: KafkaPointer
    let log: KafkaLog
    var health: KafkaHealth { log.health }

    var pointer: OpaquePointer { client.pointer }

    /// Connects nothing yet: it starts threads, so it takes about a millisecond.
    init(_ role: KafkaRole, _ settings: KafkaSettings, _ health: KafkaHealth) throws(BusError) {
        let configuration = try KafkaConfiguration.make(role, settings)
        // The callback is called until the handle has been destroyed; `deinit` comes after that.
        let log = KafkaLog(health)
        rd_kafka_conf_set_opaque(configuration, Unmanaged.passUnretained(log).toOpaque())
        rd_kafka_conf_set_log_cb(configuration) { client, level, facility, text in
            guard let client, let facility, let text, let opaque = rd_kafka_opaque(client) else { return }
            Unmanaged<KafkaLog>.fromOpaque(opaque).takeUnretainedValue()
                .take(level: level, facility: facility, text: text)
        }
        var text = [CChar](repeating: 0, count: 512)
        guard let client = rd_kafka_new(role.type, configuration, &text, text.count) else {
            // Only now it is still ours.
            rd_kafka_conf_destroy(configuration)
            // It names the property, and not the file.
            let files = settings.properties.filter { $0.key.hasSuffix(".location") }.map { "\($0.key) is \($0.value)" }
            let all = [String(nulTerminated: text)] + files.sorted()
            throw BusError(.unsupported, "configuring librdkafka", cause: all.joined(separator: "; "))
        }
        self.client = KafkaPointer(client)
        self.log = log
    }

    /// Blocks until its threads have ended.
    /// - Parameter leaving: false lets a member vanish from its group as if it had died.
    func destroy(leaving: Bool = true) {
        rd_kafka_destroy_flags(pointer, leaving ? 0 : RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
    }
}

extension rd_kafka_topic_partition_list_t {
    /// Runs `body` with a list of partitions of a topic, which lives as long as that.
    static func with<Value, Failure: Error>(
        _ topic: String, _ offsets: [Int: Int64],
        _ body: (UnsafeMutablePointer<rd_kafka_topic_partition_list_t>) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        // Never NULL: without memory librdkafka ends the process by itself.
        let list: UnsafeMutablePointer<Self> = rd_kafka_topic_partition_list_new(Int32(clamping: offsets.count))
        defer { rd_kafka_topic_partition_list_destroy(list) }
        for (partition, offset) in offsets {
            rd_kafka_topic_partition_list_add(list, topic, Int32(clamping: partition))?.pointee.offset = offset
        }
        return try body(list)
    }
}

extension UnsafeMutablePointer<rd_kafka_topic_partition_list_t> {
    var items: UnsafeBufferPointer<rd_kafka_topic_partition_t> {
        UnsafeBufferPointer(start: pointee.elems, count: Int(pointee.cnt))
    }

    func partitions(of topic: String) -> Set<Int> {
        Set(items.filter { String(cString: $0.topic) == topic }.map { Int($0.partition) })
    }
}
