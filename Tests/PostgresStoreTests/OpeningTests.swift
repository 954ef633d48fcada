import MillraceCore
import MillracePorts
import MillraceTesting
import PostgresStore
import Testing

@Suite struct OpeningTests {
    private func refusal(_ url: String) async -> StoreError? {
        do {
            await (try PostgresOrderStore.open(url: url)).close()
            return nil
        } catch {
            return error
        }
    }

    @Test func `a wrong password, an unknown role or database, and missing TLS are told in one line each`() async throws
    {
        let server = try PostgresServer.shared.get()
        let cases = [
            (server.url(password: "wr0ng-one"), "password authentication failed for user \"millrace\""),
            ("postgresql://nobody:wr0ng-one@127.0.0.1:\(server.port)/postgres", "password authentication failed"),
            (server.url(database: "absent"), "database \"absent\" does not exist"),
            (server.url(extra: "sslmode=require"), "server does not support SSL, but SSL was required"),
            ("postgresql://127.0.0.1:1/postgres?password=wr0ng-one", "Connection refused"),
            ("host=/absent/folder password=wr0ng-one", "No such file or directory"),
        ]
        for (url, text) in cases {
            let error = await refusal(url)
            #expect(error?.code == .unavailable)
            #expect(error?.cause?.contains(text) == true, "\(error?.description ?? "it opened")")
            #expect(error?.description.contains("\n") == false)
            #expect(error?.description.contains("wr0ng-one") == false)
            #expect(error?.description.contains(PostgresServer.password) == false)
        }
    }

    @Test(arguments: [
        "postgresql://user:pa/s3cret@host/base", "postgresql://user:pa@s3cret@host/base",
        "postgres:s3cret", "password=s3cret nothing",
        "postgresql://u:s3cret%@h/b",
        "postgresql://u:/s3cret@host/base", "host=localhost password='s3cret", "mysql://user:s3cret@host/base",
    ])
    func `a URL that cannot be read is refused, and its password is not repeated`(url: String) async throws {
        let error = await refusal(url)
        #expect(error?.code == .unavailable)
        #expect(error?.cause?.contains("the database's URL cannot be read") == true)
        #expect(error?.description.contains("s3cret") == false)
    }

    @Test func `TLS is as the URL asks for it: a certificate of another authority is refused`() async throws {
        let server = try PostgresServer.withTLS()
        defer { server.remove() }
        func url(_ extra: String) -> String {
            server.url(extra: extra).replacing("sslmode=disable&", with: "")
        }
        for extra in ["sslmode=require", "sslmode=verify-full&sslrootcert=\(server.folder)/own.pem"] {
            let store = try await PostgresOrderStore.open(url: url(extra))
            #expect(try await store.orders(state: nil, limit: 1, after: nil).isEmpty)
            await store.close()
        }
        let cases = [
            ("sslmode=verify-full&sslrootcert=\(server.folder)/other.pem", "certificate verify failed"),
            ("sslmode=verify-full&sslrootcert=/absent.pem", "/absent.pem"),
            ("sslmode=disable", "no encryption"),
        ]
        for (extra, text) in cases {
            let error = await refusal(url(extra))
            #expect(error?.code == .unavailable)
            #expect(error?.cause?.contains(text) == true, "\(error?.description ?? "it opened")")
            #expect(error?.description.contains(PostgresServer.password) == false)
        }
    }

    @Test func `services that open an empty database together make its tables once`() async throws {
        try await withDatabase { url in
            let stores = try await withThrowingTaskGroup(of: PostgresOrderStore.self) { group in
                for _ in 0..<4 { group.addTask { try await PostgresOrderStore.open(url: url) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            for (number, store) in stores.enumerated() {
                #expect(try await store.insert([OrderStoreConformance.sample("o\(number)")]) == [.inserted])
            }
            #expect(try await stores[0].orders(state: nil, limit: 9, after: nil).count == 4)
            for store in stores { await store.close() }
        }
    }

    @Test func `whoever only looks is told what a role may not do, and makes nothing`() async throws {
        try await withDatabase { url in
            try await administer(url, "CREATE ROLE looker LOGIN PASSWORD 'looker'")
            let looker = url.replacing("millrace:\(PostgresServer.password)", with: "looker:looker")
            let before = try await PostgresCheck.look(at: looker)
            #expect(before.tablesVersion == 0)
            #expect(!before.mayMakeTables)
            #expect(!before.isReadOnly)
            #expect(before.encryption == nil)
            #expect(before.connectionLimit == 300)
            await (try PostgresOrderStore.open(url: url)).close()
            try await administer(
                url, "GRANT SELECT ON millrace_migrations, orders TO looker; GRANT INSERT ON orders TO looker")
            let after = try await PostgresCheck.look(at: looker)
            #expect(after.tablesVersion == after.latestTablesVersion)
            #expect(after.forbidden.contains("order_steps"))
            #expect(!after.forbidden.contains("orders"))
            #expect(try await PostgresCheck.look(at: url).forbidden.isEmpty)
            let standby = try await PostgresCheck.look(
                at: url + "options=-c%20default_transaction_read_only%3Don")
            #expect(standby.isReadOnly)
            try await administer(url, "DROP OWNED BY looker; DROP ROLE looker")
        }
    }

    @Test func `tables of a later version are refused, and it is said why`() async throws {
        try await withDatabase { url in
            await (try PostgresOrderStore.open(url: url)).close()
            try await administer(url, "INSERT INTO millrace_migrations (version, name) VALUES (99, 'later')")
            let error = await refusal(url)
            #expect(error?.code == .corrupt)
            #expect(error?.cause?.contains("later version") == true)
        }
    }

    @Test func `a database of another encoding is refused`() async throws {
        let server = try PostgresServer.shared.get()
        let create = "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"
        try await administer(server.url(), create)
        let error = await refusal(server.url(database: "latin"))
        #expect(error?.code == .unavailable)
        #expect(error?.cause?.contains("UTF8") == true)
        try await administer(server.url(), "DROP DATABASE latin WITH (FORCE)")
    }

    @Test func `a role that may not make tables can use those that are there`() async throws {
        try await withDatabase { url in
            await (try PostgresOrderStore.open(url: url)).close()
            try await administer(
                url,
                """
                CREATE ROLE guest LOGIN PASSWORD 'guest';
                GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO guest
                """)
            let guest = url.replacing("millrace:\(PostgresServer.password)", with: "guest:guest")
            let orders = try await PostgresOrderStore.open(url: guest)
            let usage = PostgresUsageStore(sharing: orders)
            #expect(try await orders.insert([UsageStoreConformance.order("a", ["resize"])]) == [.inserted])
            let sample = try UsageStoreConformance.sample("a", 0, "resize", at: 1, cpu: 1)
            #expect(try await usage.save(UsageStoreConformance.batch([sample])) == 0)
            #expect(try await usage.usage(of: OrderID("a")).count == 1)
            await usage.close()
            await orders.close()
            try await administer(url, "DROP OWNED BY guest; DROP ROLE guest")
        }
    }
}
