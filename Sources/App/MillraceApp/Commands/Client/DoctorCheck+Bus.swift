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

    private static func topics(_ settings: Settings) async throws -> [TopicDescription] {
        let bus = try Adapters(settings, label: "doctor").existingBus()
        let topics = await Result<[TopicDescription], any Error>.catching { try await bus.topics() }
        await bus.close()
        return try topics.get()
    }
}
