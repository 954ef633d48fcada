import MillraceCore
import MillracePorts
import Platform

extension DoctorCheck {
    @Sendable static func bus(_ settings: Settings) async -> [DoctorCheck] {
        switch settings.bus {
        case .sqlite: await sqliteBus(settings)
        case .kafka: await kafkaBus(settings)
        }
    }

    private static func sqliteBus(_ settings: Settings) async -> [DoctorCheck] {
        let file = DataFolder(path: settings.data).bus
        // Opening would make it.
        guard Files.exists(file) else { return [.ok("bus", "\(file) is not there yet: `millrace up` makes it")] }
        do {
            let topics = try await topics(settings)
            return [.ok("bus", "\(file) opens: \(Wording.count(topics.count, "topic"))")]
        } catch {
            let isCorrupt = (error as? BusError)?.code == .corrupt
            return [.fail("bus", text(of: error), remedy(file, isCorrupt), isUnreachable: true)]
        }
    }

    private static func kafkaBus(_ settings: Settings) async -> [DoctorCheck] {
        do {
            let topics = try await topics(settings)
            let place = "Kafka at \(settings.kafkaBootstrapServers)"
            let own = [Topic.orchestrator, Topic.system, Topic.resource, Topic.deadLetter]
            let tasks = settings.tasks.keys.map(\.text)
            let missing = (own + tasks.sorted()).filter { name in !topics.contains { $0.name == name } }
            guard missing.isEmpty else {
                let names = missing.joined(separator: ", ")
                return [.ok("bus", "\(place) answers; not there yet, and made by `millrace up`: \(names)")]
            }
            return [.ok("bus", "\(place) answers: \(Wording.count(topics.count, "topic"))")]
        } catch {
            return [
                .fail(
                    "bus", text(of: error),
                    """
                    see KAFKA_BOOTSTRAP_SERVERS, that the brokers' advertised listeners can be reached from here, and \
                    kafka.properties for TLS and SASL
                    """, isUnreachable: true)
            ]
        }
    }

    private static func topics(_ settings: Settings) async throws -> [TopicDescription] {
        let bus = try Adapters(settings, label: "doctor").existingBus()
        let topics = await Result<[TopicDescription], any Error>.catching { try await bus.topics() }
        await bus.close()
        return try topics.get()
    }
}
