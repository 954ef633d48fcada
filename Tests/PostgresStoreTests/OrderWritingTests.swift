import MillraceCore
import MillracePorts
import MillraceTesting
import PostgresStore
import Testing

@Suite struct OrderWritingTests {
    @Test func `two services on one database take each order once`() async throws {
        try await withDatabase { url in
            let stores = [try await PostgresOrderStore.open(url: url), try await PostgresOrderStore.open(url: url)]
            let insertions = try await withThrowingTaskGroup(of: [Insertion].self) { group in
                for number in 0..<200 {
                    for store in stores {
                        group.addTask {
                            let insertions = try await store.insert([OrderStoreConformance.sample("o\(number)")])
                            try await store.markPublished([OrderID("o\(number)")])
                            return insertions
                        }
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(insertions.count { $0 == .inserted } == 200)
            #expect(!insertions.contains(.conflict))
            #expect(try await stores[0].unpublished(limit: 1).isEmpty)
            #expect(try await stores[1].orders(state: nil, limit: 500, after: nil).count == 200)
            for store in stores { await store.close() }
        }
    }

    @Test func `arrays that cross are taken whole or not at all`() async throws {
        try await withDatabase { url in
            let stores = [try await PostgresOrderStore.open(url: url), try await PostgresOrderStore.open(url: url)]
            // Each array has an order of its own and one that two other arrays have too, with another content.
            let taken = try await withThrowingTaskGroup(of: Int?.self) { group in
                for number in 0..<60 {
                    group.addTask {
                        let array = [
                            try OrderStoreConformance.sample("own\(number)"),
                            try OrderStoreConformance.sample("shared\(number / 3)", content: "\(number)"),
                        ]
                        let insertions = try await stores[number % 2].insert(array)
                        return insertions.contains(.conflict) ? nil : number
                    }
                }
                return try await group.reduce(into: Set<Int>()) { if let number = $1 { $0.insert(number) } }
            }
            #expect(taken.count == 20)
            #expect(Set(taken.map { $0 / 3 }).count == 20)
            let ids = try await stores[0].orders(state: nil, limit: 500, after: nil).map(\.order.id.text)
            #expect(Set(ids) == Set(taken.flatMap { ["own\($0)", "shared\($0 / 3)"] }))
            #expect(ids.count == 40)
            for store in stores { await store.close() }
        }
    }

    @Test func `a write that cannot be done does not fail those beside it`() async throws {
        try await withDatabase { url in
            let store = try await PostgresOrderStore.open(url: url)
            try await administer(
                url,
                """
                CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    RAISE EXCEPTION 'no room' USING ERRCODE = 'disk_full';
                END $$;
                CREATE TRIGGER refuse BEFORE INSERT ON orders FOR EACH ROW WHEN (new.user_id = 'huge')
                    EXECUTE FUNCTION refuse()
                """)
            let results = await withTaskGroup(of: (String, StoreError.Code?).self) { group in
                for id in ["a", "huge", "b", "c"] {
                    group.addTask {
                        do {
                            _ = try await store.insert([OrderStoreConformance.sample(id)])
                            return (id, nil)
                        } catch {
                            return (id, (error as? StoreError)?.code)
                        }
                    }
                }
                return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            #expect(results == ["huge": .full])
            #expect(try await store.orders(state: nil, limit: 9, after: nil).count == 3)
            await store.close()
        }
    }

    @Test func `a full queue refuses orders and makes other writes wait`() async throws {
        try await withDatabase { url in
            let store = try await PostgresOrderStore.open(url: url, settings: PostgresStoreSettings(queueCapacity: 1))
            _ = try await store.insert([OrderStoreConformance.sample("first")])
            let held = try await HeldTable("orders", of: url)
            // While it is held one write is under way and one in the queue, so of three the first to end was refused.
            try await withThrowingTaskGroup(of: StoreError.Code?.self) { group in
                for id in ["a", "b", "c"] {
                    group.addTask {
                        do {
                            _ = try await store.insert([OrderStoreConformance.sample(id)])
                            return nil
                        } catch let error as StoreError {
                            return error.code
                        }
                    }
                }
                #expect(try await group.next() == .overloaded)
                for _ in 0..<3 {
                    group.addTask {
                        try await store.markPublished([OrderID("first")])
                        return nil
                    }
                }
                await held.release()
                for try await code in group { #expect(code == nil || code == .overloaded) }
            }
            let published = try await store.insert([OrderStoreConformance.sample("first")])
            #expect(published == [.same(isPublished: true)])
            await store.close()
        }
    }

    @Test func `what takes too long is given up, and the next call works`() async throws {
        try await withDatabase { url in
            let settings = PostgresStoreSettings(statementTimeout: .milliseconds(200))
            let store = try await PostgresOrderStore.open(url: url, settings: settings)
            let held = try await HeldTable("orders", of: url)
            let write = await #expect(throws: StoreError.self) {
                _ = try await store.insert([OrderStoreConformance.sample("a")])
            }
            let read = await #expect(throws: StoreError.self) { _ = try await store.order(OrderID("a")) }
            #expect([write?.code, read?.code] == [.unavailable, .unavailable])
            await held.release()
            #expect(try await store.insert([OrderStoreConformance.sample("a")]) == [.inserted])
            #expect(try await store.order(OrderID("a")) != nil)
            await store.close()
        }
    }

    @Test func `closing writes what was taken`() async throws {
        try await withDatabase { url in
            let store = try await PostgresOrderStore.open(url: url)
            let taken = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<50 {
                    group.addTask {
                        do {
                            _ = try await store.insert([OrderStoreConformance.sample("o\(number)")])
                            return true
                        } catch {
                            return false
                        }
                    }
                }
                group.addTask {
                    await store.close()
                    return false
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            let reopened = try await PostgresOrderStore.open(url: url)
            #expect(try await reopened.orders(state: nil, limit: 100, after: nil).count == taken)
            await reopened.close()
        }
    }

    @Test func `of two monitor-systems each save is one's, and none is lost`() async throws {
        try await withDatabase { url in
            let stores = [try await PostgresOrderStore.open(url: url), try await PostgresOrderStore.open(url: url)]
            let saves = try await withThrowingTaskGroup(of: Int.self) { group in
                for index in 0..<4 {
                    group.addTask {
                        let store = stores[index % 2]
                        var saves = 0
                        while saves < 25 {
                            let expected = try await store.loadMonitor().offsets
                            let save = MonitorSave(
                                changes: MonitorChanges(), tasks: [], offsets: [0: (expected[0] ?? 0) + 1])
                            do {
                                try await store.saveMonitor(save, expected: expected)
                                saves += 1
                            } catch let error as StoreError where error.code == .fenced {
                                continue
                            }
                        }
                        return saves
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(try await stores[0].loadMonitor().offsets == [0: Int64(saves)])
            for store in stores { await store.close() }
        }
    }
}
