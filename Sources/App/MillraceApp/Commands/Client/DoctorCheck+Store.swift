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
            var checks: [DoctorCheck] = []
            let server = "\(check.place): PostgreSQL \(check.serverVersion)"
            if check.tablesVersion == 0 {
                checks.append(.ok("store", "\(server), without tables yet: `millrace up` makes them"))
            } else {
                let tables = "tables of version \(check.tablesVersion) of \(check.latestTablesVersion)"
                checks.append(.ok("store", "\(server), \(tables)"))
                checks += await open(settings, place: check.place) { _ in remedy }.filter { $0.status != .ok }
            }
            if abs(check.clockDifference) > 1 {
                checks.append(
                    .warn(
                        "store clock", "differs from this machine's by \(Wording.decimal(check.clockDifference, 1)) s",
                        "set both by NTP: waiting times are told by time stamps"))
            }
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
}
