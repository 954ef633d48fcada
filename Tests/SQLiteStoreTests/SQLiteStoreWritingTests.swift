import MillraceCore
import MillracePorts
import MillraceTesting
import Platform
import SQLiteStore
import Testing

@Suite struct SQLiteStoreWritingTests {
    @Test func `two handles on one file take each order once`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/store.sqlite"
            let stores = [try await SQLiteOrderStore.open(path: path), try await SQLiteOrderStore.open(path: path)]
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

    @Test func `a full file refuses new orders and keeps those that it has`() async throws {
        try await withTemporaryFolder { folder in
            let store = try await SQLiteOrderStore.open(
                path: folder + "/store.sqlite", settings: SQLiteStoreSettings(fileLimit: 128 << 10))
            var taken = 0
            let error = await #expect(throws: StoreError.self) {
                while taken < 10_000 {
                    _ = try await store.insert([OrderStoreConformance.sample("o\(taken)")])
                    taken += 1
                }
            }
            #expect(error?.code == .full)
            #expect(taken > 10)
            #expect(try await store.orders(state: nil, limit: 10_000, after: nil).count == taken)
            #expect(try await store.insert([OrderStoreConformance.sample("o0")]) == [.same(isPublished: false)])
            try await store.markPublished([OrderID("o0")])
            #expect(try await store.insert([OrderStoreConformance.sample("o0")]) == [.same(isPublished: true)])
            await store.close()
        }
    }

    @Test func `a write that finds no room does not fail those beside it`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/store.sqlite"
            let store = try await SQLiteOrderStore.open(
                path: path, settings: SQLiteStoreSettings(fileLimit: 256 << 10))
            // Held by us, so that all of these come into one transaction.
            let lock = try FileLock(path: path + ".lock")
            try lock.lock()
            let huge = try OrderStoreConformance.sample("huge", tasks: [String](repeating: "resize", count: 20_000))
            let results = await withTaskGroup(of: (String, StoreError.Code?).self) { group in
                for id in ["a", "huge", "b", "c"] {
                    group.addTask {
                        do {
                            _ = try await store.insert([id == "huge" ? huge : OrderStoreConformance.sample(id)])
                            return (id, nil)
                        } catch {
                            return (id, (error as? StoreError)?.code)
                        }
                    }
                }
                lock.unlock()
                return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            #expect(results == ["huge": .full])
            #expect(try await store.orders(state: nil, limit: 9, after: nil).count == 3)
            await store.close()
        }
    }

    @Test func `a full queue refuses orders and makes other writes wait`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/store.sqlite"
            let store = try await SQLiteOrderStore.open(path: path, settings: SQLiteStoreSettings(queueCapacity: 1))
            _ = try await store.insert([OrderStoreConformance.sample("first")])
            let lock = try FileLock(path: path + ".lock")
            // While it is held nothing is written: one write is at the lock and one in the queue, so of three the
            // first to end is one that was refused.
            try lock.lock()
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
                lock.unlock()
                for try await code in group { #expect(code == nil || code == .overloaded) }
            }
            let published = try await store.insert([OrderStoreConformance.sample("first")])
            #expect(published == [.same(isPublished: true)])
            await store.close()
        }
    }

    @Test func `closing writes what was taken`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/store.sqlite"
            let store = try await SQLiteOrderStore.open(path: path)
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
            let reopened = try await SQLiteOrderStore.open(path: path)
            #expect(try await reopened.orders(state: nil, limit: 100, after: nil).count == taken)
            await reopened.close()
        }
    }
}
