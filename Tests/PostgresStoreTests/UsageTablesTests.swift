import MillraceCore
import MillracePorts
import MillraceTesting
import PostgresStore
import Testing

@Suite struct UsageTablesTests {
    private typealias Fixture = UsageStoreConformance

    private func withStores(_ body: (UsageStores, String) async throws -> Void) async throws {
        try await withDatabase { url in
            let orders = try await PostgresOrderStore.open(url: url)
            let stores = UsageStores(orders: orders, usage: PostgresUsageStore(sharing: orders))
            try await body(stores, url)
            await stores.usage.close()
            await stores.orders.close()
        }
    }

    private func texts(_ url: String, _ sql: String) async throws -> [String] {
        try await onConnection(url) { try $0.texts(sql) }
    }

    private func partitions(_ url: String) async throws -> [String] {
        try await texts(
            url,
            """
            SELECT relname::text FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
            WHERE inhparent = 'resource_usage'::regclass ORDER BY relname
            """)
    }

    private func many(_ id: String, cpu: Double) throws -> [UsageSample] {
        try (0..<500).map { try Fixture.sample(id, 0, "resize", at: Double($0), cpu: cpu + Double($0), disk: 1) }
    }

    @Test func `what COPY brings is read back as it was, and a batch saved again changes nothing`() async throws {
        try await withStores { stores, _ in
            _ = try await stores.orders.insert([Fixture.order("a", ["resize"]), Fixture.order("b", ["resize"])])
            let samples = try many("a", cpu: 0.5)
            #expect(try await stores.usage.save(Fixture.batch(samples, offsets: [0: 7])) == 0)
            #expect(try await stores.usage.save(Fixture.batch(samples, offsets: [0: 8])) == 0)
            // One that is partly there is saved for the rest; what is there stays as it is.
            let mixed = try many("a", cpu: 99) + many("b", cpu: 3)
            #expect(try await stores.usage.save(Fixture.batch(mixed, dropped: 2)) == 0)
            for (id, first) in [("a", 0.5), ("b", 3)] {
                let found = try await stores.usage.usage(of: OrderID(id))
                #expect(found.map(\.resource) == [.cpu, .disk])
                let points = (0..<500).map {
                    UsagePoint(at: Fixture.time(Double($0)), seconds: 1, value: first + Double($0))
                }
                #expect(found.first?.points == points)
            }
            #expect(try await stores.usage.resourceOffsets(node: "node") == [0: 8])
            #expect(try await stores.usage.drops(limit: 9).map(\.samples) == [2])
        }
    }

    @Test func `each day has its partition, made ahead; days that cannot be meant share one`() async throws {
        try await withStores { stores, url in
            _ = try await stores.orders.insert([Fixture.order("a", ["resize"])])
            let day = 86_400.0
            let seconds = [0, -day, -400 * day, 3000 * day]
            let samples = try seconds.map { try Fixture.sample("a", 0, "resize", at: $0, cpu: 1) }
            try await stores.usage.save(Fixture.batch(samples))
            #expect(
                try await partitions(url) == [
                    "resource_usage_20230327", "resource_usage_20230328", "resource_usage_20230329",
                    "resource_usage_other",
                ])
            #expect(try await texts(url, "SELECT count(*)::text FROM resource_usage_other") == ["2"])
            #expect(try await stores.usage.usage(of: OrderID("a")).first?.points.count == 4)
            // A clock that has been set right finds its day's rows where they are.
            let later = try [Fixture.sample("a", 0, "resize", at: 3000 * day + 1, cpu: 2)]
            try await stores.usage.save(Fixture.batch(later, at: 3000 * day))
            #expect(try await texts(url, "SELECT count(*)::text FROM resource_usage_other") == ["3"])
        }
    }

    @Test func `several monitors make a day's partition once`() async throws {
        try await withDatabase { url in
            let orders = try await PostgresOrderStore.open(url: url)
            _ = try await orders.insert([Fixture.order("a", ["resize"])])
            let stores = try await withThrowingTaskGroup(of: PostgresUsageStore.self) { group in
                for number in 0..<4 {
                    group.addTask {
                        let usage = try await PostgresUsageStore.open(url: url)
                        let sample = try Fixture.sample("a", 0, "resize", at: Double(number), cpu: 1)
                        try await usage.save(Fixture.batch([sample], node: "n\(number)"))
                        return usage
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(try await texts(url, "SELECT count(*)::text FROM resource_usage_other") == ["0"])
            #expect(try await stores[0].usage(of: OrderID("a")).first?.points.count == 4)
            for store in stores { await store.close() }
            await orders.close()
        }
    }

    @Test func `a day of which nothing is to be kept goes as a whole`() async throws {
        try await withStores { stores, url in
            let day = 86_400.0
            try await Fixture.finish(Fixture.order("a", ["resize"]), at: [3], in: stores.orders)
            try await Fixture.finish(Fixture.order("b", ["resize"]), at: [3], ends: false, in: stores.orders)
            let old = try [Fixture.sample("a", 0, "resize", at: 1, cpu: 1)]
            try await stores.usage.save(Fixture.batch(old))
            try await stores.usage.save(
                Fixture.batch([Fixture.sample("b", 0, "resize", at: 2 * day, cpu: 1)], at: 2 * day))
            let keep = Fixture.retention(samples: 4 * day, minutes: 4 * day)
            while try await stores.usage.tidy(keep) {}
            #expect(
                try await partitions(url) == [
                    "resource_usage_20230330", "resource_usage_other",
                ])
            #expect(try await stores.usage.usage(of: OrderID("a")).isEmpty)
            #expect(try await stores.usage.usage(of: OrderID("b")).count == 1)
            // Who has seen the partition does not know that it has gone: what comes late is kept all the same.
            try await stores.usage.save(Fixture.batch(old))
            #expect(try await stores.usage.usage(of: OrderID("a")).count == 1)
        }
    }

    @Test func `the view has names, samples and minutes`() async throws {
        try await withStores { stores, url in
            try await Fixture.finish(Fixture.order("a", ["resize"]), at: [3], in: stores.orders)
            try await stores.usage.save(Fixture.batch([Fixture.sample("a", 0, "resize", at: 2.5, cpu: 1.5)]))
            let sql = """
                SELECT concat_ws(' ', order_name, task, step, resource, unit, value, seconds, second, low, high)
                FROM usage
                """
            #expect(try await texts(url, sql) == ["a resize 0 cpu cores 1.5 1 0.5 1.5 1.5"])
            while try await stores.usage.tidy(Fixture.retention(samples: 1, minutes: 0)) {}
            #expect(try await texts(url, sql) == ["a resize 0 cpu cores 1.5 1 0.5 1.5 1.5"])
            #expect(try await texts(url, "SELECT value::text FROM resource_usage").isEmpty)
        }
    }
}
