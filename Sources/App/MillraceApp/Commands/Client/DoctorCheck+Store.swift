import MillraceCore
import MillracePorts
import Platform
import PostgresStore

extension DoctorCheck {
    @Sendable static func store(_ settings: Settings) async -> [DoctorCheck] {
        switch settings.store {
        case .sqlite: await sqliteStore(settings)
        case .postgres: await postgresStore(settings)
        }
    }

    private static func sqliteStore(_ settings: Settings) async -> [DoctorCheck] {
        let file = DataFolder(path: settings.data).store
        guard Files.exists(file) else { return [.ok("store", "\(file) is not there yet: `millrace up` makes it")] }
        return await open(settings, place: file) { remedy(file, $0) }
    }

    /// Nothing is made that is not there: tables are the services' to make.
    private static func postgresStore(_ settings: Settings) async -> [DoctorCheck] {
        let remedy = """
            see DATABASE_URL (host, port, user, password, database, sslmode), and that the server listens there; \
            `psql "$DATABASE_URL"` must connect
            """
        guard !settings.databaseURL.isEmpty else {
            return [.fail("store", "store is postgres, and DATABASE_URL is not set", remedy, isUnreachable: true)]
        }
        do throws(StoreError) {
            let check = try await PostgresCheck.look(at: settings.databaseURL)
            var checks = postgres(check)
            if check.tablesVersion == check.latestTablesVersion, check.forbidden.isEmpty {
                // Opening older tables would update them.
                checks += await open(settings, place: check.place) { _ in remedy }.filter { $0.status != .ok }
            }
            checks += clock("store clock", check.clockDifference)
            return checks
        } catch {
            return [.fail("store", "\(error)", remedy, isUnreachable: true)]
        }
    }

    private static func open(
        _ settings: Settings, place: String, remedy: (_ isCorrupt: Bool) -> String
    ) async -> [DoctorCheck] {
        do {
            let stores = try await Adapters(settings, label: "doctor").openStores()
            let drops = await Result<[UsageDrop], any Error>.catching {
                _ = try await stores.orders.tasks()
                return try await stores.usage.drops(limit: 1)
            }
            await stores.close()
            guard let drop = try drops.get().first else { return [.ok("store", "\(place) opens")] }
            return [
                .ok("store", "\(place) opens"),
                .warn(
                    "metering", "\(drop.samples) samples of \(drop.node) were dropped before \(Wording.time(drop.at))",
                    "the store was slow or away for longer than samples are kept in memory: see its disk"),
            ]
        } catch {
            let isCorrupt = (error as? StoreError)?.code == .corrupt
            return [.fail("store", text(of: error), remedy(isCorrupt), isUnreachable: true)]
        }
    }

    /// What is to be said of a database that answers.
    static func postgres(_ check: PostgresCheck) -> [DoctorCheck] {
        let server = "\(check.place): PostgreSQL \(check.serverVersion), \(check.encryption ?? "no TLS")"
        let latest = check.latestTablesVersion
        var checks: [DoctorCheck] = []
        if check.tablesVersion == 0 {
            checks.append(.ok("store", "\(server), without tables yet: `millrace up` makes them"))
        } else {
            let updated = check.tablesVersion < latest ? ": the next service that starts updates them" : ""
            checks.append(.ok("store", "\(server), tables of version \(check.tablesVersion) of \(latest)\(updated)"))
        }
        if check.isReadOnly {
            checks.append(
                .fail(
                    "store", "\(check.place) takes no writes",
                    """
                    name the primary; of several hosts in DATABASE_URL, target_session_attrs=read-write takes it; or see \
                    default_transaction_read_only
                    """))
        }
        if check.tablesVersion < latest, !check.mayMakeTables {
            checks.append(
                .fail(
                    "store", "this role may not make the tables that are missing",
                    "GRANT CREATE ON SCHEMA public TO it, or start one service with a role that may"))
        }
        if !check.forbidden.isEmpty {
            checks.append(
                .fail(
                    "store", "this role may not use \(check.forbidden.joined(separator: ", "))",
                    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO it"))
        }
        if check.connections * 10 > check.connectionLimit * 9 {
            checks.append(
                .warn(
                    "store", "\(check.connections) of \(check.connectionLimit) connections are taken",
                    "raise max_connections, or see who holds them: a service takes five at most"))
        }
        return checks
    }
}
