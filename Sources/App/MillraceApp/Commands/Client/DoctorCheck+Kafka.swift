import KafkaBus
import MillraceCore
import MillracePorts

// A Kafka cluster: whether it is reached, what it has, and whether this user may do what services do.
extension DoctorCheck {
    static func kafkaBus(_ settings: Settings) async -> [DoctorCheck] {
        do throws(BusError) {
            let bus = try Adapters.kafka(settings, logger: settings.logger("doctor"))
            let checks = await kafkaBus(bus, settings)
            await bus.close()
            return checks
        } catch {
            return [unreachable(error)]
        }
    }

    private static func kafkaBus(_ bus: KafkaBus, _ settings: Settings) async -> [DoctorCheck] {
        do throws(BusError) {
            let cluster = try await bus.look()
            let topics = KafkaTopics(cluster, settings)
            var checks = [told(cluster, settings)] + topics.checks
            checks += await rights(bus, topics)
            checks += await groups(bus, topics)
            return await checks + probe(bus)
        } catch {
            return [unreachable(error)]
        }
    }

    private static func unreachable(_ error: BusError) -> DoctorCheck {
        let general = """
            see KAFKA_BOOTSTRAP_SERVERS, that the brokers' advertised listeners can be reached from here, and \
            kafka.properties for TLS and SASL
            """
        return .fail("bus", "\(error)", KafkaBus.remedy(for: error) ?? general, isUnreachable: true)
    }

    private static func told(_ cluster: KafkaCheck, _ settings: Settings) -> DoctorCheck {
        let detail = """
            Kafka at \(settings.kafkaBootstrapServers) answers: \(Wording.count(cluster.brokers.count, "broker")), version \
            \(cluster.version ?? "not told"), cluster \(cluster.clusterID ?? "not told"), librdkafka \(cluster.library)
            """
        guard let kept = cluster.offsetRetention, kept <= KafkaBus.defaultRetention else { return .ok("bus", detail) }
        return .warn(
            "bus", "\(detail); it forgets what an idle group has read after \(kept.components.seconds / 3600) h",
            "set offsets.retention.minutes of the brokers above \(KafkaBus.defaultRetention.components.seconds / 60)")
    }

    // MARK: Rights

    /// Tried without making anything.
    private static func rights(_ bus: KafkaBus, _ topics: KafkaTopics) async -> [DoctorCheck] {
        var checks: [DoctorCheck] = []
        if let missing = topics.missing.first, let error = await bus.obstacle(toMaking: missing) {
            checks.append(
                .fail(
                    "topics", "\(error)",
                    KafkaBus.remedy(for: error) ?? "make these by hand: \(topics.missing.joined(separator: ", "))"))
        }
        if let (topic, count) = topics.growable, let error = await bus.obstacle(toGrowing: topic, to: count + 1) {
            checks.append(
                .warn(
                    "topics", "no task has more replicas than its topic has partitions: \(error)",
                    KafkaBus.remedy(for: error) ?? "give task topics as many partitions as scaling.max by hand"))
        }
        return checks
    }

    // MARK: Groups

    /// Asked all at once: one that does not settle takes as long as a question may.
    private static func groups(_ bus: KafkaBus, _ topics: KafkaTopics) async -> [DoctorCheck] {
        await withTaskGroup(of: DoctorCheck.self) { tasks in
            for topic in topics.read { tasks.addTask { await group(bus, topic) } }
            return await tasks.reduce(into: []) { $0.append($1) }.sorted { $0.name < $1.name }
        }
    }

    private static func group(_ bus: KafkaBus, _ topic: String) async -> DoctorCheck {
        let group = TopicView.groupName(ofTopic: topic) ?? topic
        let name = "group \(bus.groupID(group, topic: topic))"
        do throws(BusError) {
            let view = try await TopicView(bus.describe(topic: topic), on: bus)
            if let error = view.groupError {
                if KafkaBus.remedy(for: error) != nil { throw error }
                return .warn(
                    name, "\(error)",
                    "a member may be holding a partition until its step ends: wait for that, or look into its log")
            }
            let members = view.group?.members.count ?? 0
            let detail = "\(Wording.count(members, "member")), \(Wording.count(view.lag ?? 0, "record")) not read yet"
            guard members == 0, let lag = view.lag, lag > 0 else { return .ok(name, detail) }
            return .warn(name, detail, "nobody reads them: start \(reader(ofTopic: topic))")
        } catch {
            return .fail(
                name, "\(error)",
                KafkaBus.remedy(for: error) ?? "see `millrace topics describe \(topic)`, and the brokers’ logs")
        }
    }

    private static func reader(ofTopic topic: String) -> String {
        switch topic {
        case Topic.orchestrator: "`millrace run orchestrator`, or `millrace up`"
        case Topic.system: "`millrace run monitor-system`, or `millrace up`"
        default: "`millrace up`, or see in `millrace tasks` why it has no replica"
        }
    }

    // MARK: Publishing

    private static func probe(_ bus: KafkaBus) async -> [DoctorCheck] {
        do throws(BusError) {
            let probe = try await bus.probe()
            let published = DoctorCheck.ok(
                "publishing", "acknowledged within \(Wording.seconds(probe.roundTrip)), and read again")
            return [published] + clock("broker clock", probe.clockDifference)
        } catch {
            return [
                .fail(
                    "publishing", "\(error)",
                    KafkaBus.remedy(for: error) ?? "see that enough replicas are in sync, and the brokers’ logs")
            ]
        }
    }

    /// Of a server's clock, in seconds ahead of this machine's.
    static func clock(_ name: String, _ difference: Double) -> [DoctorCheck] {
        guard abs(difference) > 1 else { return [] }
        return [
            .warn(
                name, "differs from this machine's by \(Wording.decimal(difference, 1)) s",
                "set both by NTP: waiting times are told by time stamps")
        ]
    }
}
