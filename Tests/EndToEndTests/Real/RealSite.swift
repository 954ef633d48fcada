import Foundation
import KafkaBus
import MillraceCore
import MillraceTesting
import Platform

@testable import MillraceApp

/// A Millrace over Kafka and PostgreSQL: the broker that MILLRACE_TEST_KAFKA names, or else a noida-db of the test's own,
/// whose groups have one member each; and a database of the test's own.
enum RealSite {
    /// One replica of each task: more than one member of a group is for a real broker.
    /// - Parameter prefix: of the topics on the broker, so that several runs share it.
    static func configuration(
        broker: String?, max: Int, prefix: String = "test-\(UUID().uuidString.prefix(8))."
    ) -> String {
        """
        bus: \(broker == nil ? "sqlite" : "kafka")
        store: postgres
        meteringPeriod: 200ms
        kafkaBootstrapServers: \(broker ?? "127.0.0.1:1")
        kafkaTopicPrefix: \(prefix)
        tasks:
          copy: { command: [sh, -c, 'cat "$MILLRACE_INPUT" > "$MILLRACE_OUTPUT"; sleep 0.3'] }
          noop: { builtin: noop }
        scaling: { max: \(max) }
        partitions: 2
        """
    }

    static var realBroker: String? { ProcessInfo.processInfo.environment["MILLRACE_TEST_KAFKA"] }

    /// - Parameter body: given the site, its environment, and the server.
    static func withPostgres(
        kafka: Bool, _ body: (Site, [String: String], PostgresServer) async throws -> Void
    ) async throws {
        let server = try PostgresServer()
        let environment = ["DATABASE_URL": server.url()]
        func run(broker: String?) async throws {
            try await Site.with(configuration(broker: broker, max: kafka && realBroker == nil ? 1 : 2)) { site in
                try await body(site, environment, server)
            }
        }
        defer { try? server.stop() }
        guard kafka else { return try await run(broker: nil) }
        if let realBroker { return try await run(broker: realBroker) }
        try await withTemporaryFolder { folder in
            let noida = try await Noida(folder: folder)
            defer { noida.stop() }
            try await run(broker: noida.servers)
        }
    }

    /// Over Kafka, and SQLite's store. One replica of each task: see ``configuration(broker:max:)``.
    static func withKafka(_ body: (Site, KafkaSettings) async throws -> Void) async throws {
        func run(_ broker: String) async throws {
            let settings = KafkaSettings(
                bootstrapServers: broker, topicPrefix: "test-\(UUID().uuidString.prefix(8)).")
            let text = configuration(broker: broker, max: 1, prefix: settings.topicPrefix)
                .replacing("store: postgres", with: "store: sqlite")
            try await Site.with(text) { try await body($0, settings) }
        }
        if let realBroker { return try await run(realBroker) }
        try await withTemporaryFolder { folder in
            let noida = try await Noida(folder: folder)
            defer { noida.stop() }
            try await run(noida.servers)
        }
    }
}
