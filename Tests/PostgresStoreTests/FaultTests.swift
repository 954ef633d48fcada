import Glibc
import MillraceCore
import MillracePorts
import MillraceTesting
import PostgresStore
import Synchronization
import Testing

/// Each has a server of its own, which it stops.
@Suite(.serialized) struct FaultTests {
    /// What callers have been told.
    private final class Account: Sendable {
        struct State: Sendable {
            var taken: Set<String> = []
            var refused = 0
            var odd: [String] = []
            var isOver = false
        }

        let state = Mutex(State())

        var told: State { state.withLock { $0 } }
    }

    @Test(arguments: ["immediate", "fast"])
    func `a server that restarts under load loses nothing and tells nothing false`(mode: String) async throws {
        let server = try PostgresServer()
        defer { server.remove() }
        try await withDatabase(on: server) { url in
            let store = try await PostgresOrderStore.open(url: url)
            let account = Account()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for caller in 0..<16 {
                    group.addTask {
                        var number = 0
                        while !account.told.isOver {
                            let id = "o\(caller)-\(number)"
                            do {
                                let insertions = try await store.insert([OrderStoreConformance.sample(id)])
                                account.state.withLock { account in
                                    account.taken.insert(id)
                                    // It may have been there: its connection was lost before the answer.
                                    if insertions == [.conflict] { account.odd.append(id) }
                                }
                                number += 1
                            } catch let error as StoreError {
                                account.state.withLock { account in
                                    account.refused += 1
                                    if error.code != .unavailable { account.odd.append(error.description) }
                                }
                                await Task.yield()
                            }
                        }
                    }
                }
                for _ in 0..<2 {
                    let before = account.told.taken.count
                    try await eventually("orders") { account.told.taken.count > before + 200 }
                    let refused = account.told.refused
                    try server.stop(mode: mode)
                    try await eventually("refusals") { account.told.refused > refused }
                    try server.start()
                }
                let before = account.told.taken.count
                try await eventually("orders again") { account.told.taken.count > before + 200 }
                account.state.withLock { $0.isOver = true }
                try await group.waitForAll()
            }
            let kept = try await store.orders(state: nil, limit: .max, after: nil).map(\.order.id.text)
            let told = account.told
            #expect(told.odd.isEmpty)
            #expect(told.taken.subtracting(kept).isEmpty)
            #expect(kept.count == Set(kept).count)
            await store.close()
        }
    }

    @Test func `while the server is away calls say so at once, and all resumes by itself`() async throws {
        let server = try PostgresServer()
        defer { server.remove() }
        try await withDatabase(on: server) { url in
            let orders = try await PostgresOrderStore.open(url: url)
            let usage = PostgresUsageStore(sharing: orders)
            _ = try await orders.insert([UsageStoreConformance.order("a", ["resize"])])
            let batch = try UsageStoreConformance.batch(
                [UsageStoreConformance.sample("a", 0, "resize", at: 1, cpu: 1)], offsets: [0: 1])
            try await usage.save(batch)
            try server.stop()
            // More than any queue of ours holds.
            let codes = await withTaskGroup(of: StoreError.Code?.self) { group in
                for number in 0..<2000 {
                    group.addTask {
                        do {
                            switch number % 4 {
                            case 0: _ = try await orders.insert([OrderStoreConformance.sample("o\(number)")])
                            case 1: _ = try await orders.order(OrderID("a"))
                            case 2: try await usage.save(batch)
                            default:
                                try await orders.saveMonitor(
                                    MonitorSave(changes: MonitorChanges(), tasks: [], offsets: [0: 1]), expected: [:])
                            }
                            return nil
                        } catch {
                            return (error as? StoreError)?.code
                        }
                    }
                }
                return await group.reduce(into: Set<StoreError.Code?>()) { $0.insert($1) }
            }
            #expect(codes == [.unavailable])
            try server.start()
            _ = try await eventually("orders") { try? await orders.insert([OrderStoreConformance.sample("later")]) }
            _ = try await eventually("a read") { (try? await orders.order(OrderID("a"))) ?? nil }
            _ = try await eventually("samples") { try? await usage.save(batch) }
            #expect(try await usage.usage(of: OrderID("a")).map(\.points.count) == [1])
            #expect(try await orders.loadMonitor().offsets.isEmpty)
            let known = try await orders.orders(state: nil, limit: 9, after: nil).map(\.order.id.text)
            #expect(known == ["later", "a"])
            await usage.close()
            await orders.close()
        }
    }

    @Test func `a server that was restarted while nothing happened is not noticed`() async throws {
        let server = try PostgresServer()
        defer { server.remove() }
        try await withDatabase(on: server) { url in
            let store = try await PostgresOrderStore.open(url: url)
            _ = try await store.insert([OrderStoreConformance.sample("a")])
            for mode in ["fast", "immediate"] {
                try server.stop(mode: mode)
                try server.start()
                #expect(try await store.insert([OrderStoreConformance.sample("a")]) == [.same(isPublished: false)])
                #expect(try await store.order(OrderID("a")) != nil)
            }
            await store.close()
        }
    }

    @Test func `a connection that has fallen silent is given up, and the next one works`() async throws {
        try await withDatabase { url in
            let settings = PostgresStoreSettings(statementTimeout: .milliseconds(300))
            let store = try await PostgresOrderStore.open(url: url, settings: settings)
            let id = try OrderID("a")
            _ = try await store.insert([OrderStoreConformance.sample("a")])
            #expect(try await store.order(id) != nil)
            let pids = try await onConnection(url) { connection in
                try connection.texts(
                    """
                    SELECT pid::text FROM pg_stat_activity
                    WHERE datname = current_database() AND pid <> pg_backend_pid()
                    """
                ).compactMap { pid_t($0) }
            }
            #expect(pids.count == 2)
            for pid in pids { kill(pid, SIGSTOP) }
            defer { for pid in pids { kill(pid, SIGCONT) } }
            let error = await #expect(throws: StoreError.self) {
                _ = try await store.insert([OrderStoreConformance.sample("b")])
            }
            #expect(error?.code == .unavailable)
            // Reading changes nothing, so it is tried again by itself.
            #expect(try await store.order(id) != nil)
            #expect(try await store.insert([OrderStoreConformance.sample("c")]) == [.inserted])
            await store.close()
        }
    }
}
