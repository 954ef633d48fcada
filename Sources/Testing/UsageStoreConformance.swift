internal import MillraceCore
public import MillracePorts

/// A usage store and the orders that it knows.
public struct UsageStores: Sendable {
    public var orders: any OrderStore
    public var usage: any UsageStore

    public init(orders: any OrderStore, usage: any UsageStore) {
        self.orders = orders
        self.usage = usage
    }
}

/// Opens the same stores each time it is called, as a process does that starts anew; fresh at the first call.
public typealias OpenUsageStores = @Sendable () async throws -> UsageStores

/// What every ``UsageStore`` promises.
public enum UsageStoreConformance {
    public static let promises: [Promise<OpenUsageStores>] = saving + monitoring + asking + tidying

    static let saving: [Promise<OpenUsageStores>] = [
        Promise("samples are read by step, resource and time, after reopening too") { open in
            let stores = try await open()
            _ = try await stores.orders.insert([order("a", ["resize", "blur"])])
            let samples = [
                try sample("a", 1, "blur", at: 5, cpu: 0.5, ram: 3e9, disk: 0),
                try sample("a", 0, "resize", at: 2, cpu: 1.25, ram: 1, disk: 7),
                try sample("a", 0, "resize", at: 1, seconds: 0.25, cpu: 2, ram: 2, disk: 8),
            ]
            try expectEqual(try await stores.usage.save(batch(samples)), 0)
            await stores.close()
            let found = try await open().usage.usage(of: OrderID("a"))
            let first = [point(1, 2, seconds: 0.25), point(2, 1.25)]
            try expectEqual(found.map(\.step), [0, 0, 0, 1, 1, 1])
            try expectEqual(found.map(\.resource), [.cpu, .ram, .disk, .cpu, .ram, .disk])
            try expectEqual(found.map(\.task.text), ["resize", "resize", "resize", "blur", "blur", "blur"])
            try expectEqual(found.first?.points, first)
            try expectEqual(found[3...].map(\.points), [[point(5, 0.5)], [point(5, 3e9)], [point(5, 0)]])
        },
        Promise("what could not be read stays a gap, and what is no number is one") { open in
            let stores = try await open()
            _ = try await stores.orders.insert([order("a", ["resize"])])
            try await stores.usage.save(
                batch([
                    sample("a", 0, "resize", at: 1, cpu: 1), sample("a", 0, "resize", at: 2, ram: 5),
                    sample("a", 0, "resize", at: 3, cpu: .nan, disk: .infinity), sample("a", 0, "resize", at: 4),
                ]))
            let found = try await stores.usage.usage(of: OrderID("a"))
            try expectEqual(found.map(\.resource), [.cpu, .ram])
            try expectEqual(found.map(\.points), [[point(1, 1)], [point(2, 5)]])
        },
        Promise("a batch saved again changes nothing, and what is there stays as it is") { open in
            let stores = try await open()
            _ = try await stores.orders.insert([order("a", ["resize"])])
            let first = batch([try sample("a", 0, "resize", at: 1, cpu: 1)], dropped: 3)
            for _ in 0..<2 { try await stores.usage.save(first) }
            try await stores.usage.save(
                batch([sample("a", 0, "resize", at: 1, cpu: 9, ram: 4), sample("a", 0, "resize", at: 2, cpu: 2)]))
            let found = try await stores.usage.usage(of: OrderID("a"))
            try expectEqual(found.map(\.points), [[point(1, 1), point(2, 2)], [point(1, 4)]])
            try expectEqual(try await stores.usage.drops(limit: 9).map(\.samples), [3])
        },
        Promise("samples of orders that are not there are counted and left out") { open in
            let stores = try await open()
            let samples = try ["a", "b", "c", "b"].enumerated().map { index, id in
                try sample(id, 0, "resize", at: Double(index), cpu: 1, ram: 1)
            }
            try expectEqual(try await stores.usage.save(batch(samples, offsets: [0: 4])), 4)
            _ = try await stores.orders.insert([order("a", ["resize"]), order("c", ["resize"])])
            try expectEqual(try await stores.usage.save(batch(samples)), 2)
            try expectEqual(try await stores.usage.usage(of: OrderID("b")), [])
            try expectEqual(
                try await stores.usage.usage(of: OrderID("c")).map(\.points), [[point(2, 1)], [point(2, 1)]])
            try expectEqual(try await stores.usage.resourceOffsets(node: "node"), [0: 4])
        },
        Promise("samples of a task that nobody has seen before are kept") { open in
            let stores = try await open()
            _ = try await stores.orders.insert([order("a", ["first", "second", "third"])])
            let tasks = ["third", "first", "second"]
            let samples = try tasks.enumerated().map { try sample("a", $0.offset, $0.element, at: 1, cpu: 1) }
            try await stores.usage.save(batch(samples))
            try expectEqual(try await stores.usage.usage(of: OrderID("a")).map(\.task.text), tasks)
        },
        Promise("handles save beside each other, and each reads what the others saved") { open in
            let (one, other) = (try await open(), try await open())
            _ = try await one.orders.insert([order("a", ["resize"])])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for second in 0..<40 {
                    group.addTask {
                        let stores = second.isMultiple(of: 2) ? one : other
                        try await stores.usage.save(batch([sample("a", 0, "resize", at: Double(second), cpu: 1)]))
                    }
                }
                try await group.waitForAll()
            }
            for stores in [one, other] {
                let points = try await stores.usage.usage(of: OrderID("a")).first?.points
                try expectEqual(points, (0..<40).map { point(Double($0), 1) })
            }
        },
        Promise("a closed store says so, and leaves the orders' store open") { open in
            let stores = try await open()
            await stores.usage.close()
            await stores.usage.close()
            let write = try await failure(StoreError.self) { try await stores.usage.save(batch([])) }
            try expectEqual(write.code, .closed)
            let read = try await failure(StoreError.self) { _ = try await stores.usage.drops(limit: 1) }
            try expectEqual(read.code, .closed)
            try expectEqual(try await stores.orders.insert([order("a", ["resize"])]), [.inserted])
        },
        Promise("it outlives the orders' store beside it") { open in
            let stores = try await open()
            _ = try await stores.orders.insert([order("a", ["resize"])])
            await stores.orders.close()
            try await stores.usage.save(batch([sample("a", 0, "resize", at: 1, cpu: 1)]))
            try expectEqual(try await stores.usage.usage(of: OrderID("a")).map(\.points), [[point(1, 1)]])
        },
    ]

    static let monitoring: [Promise<OpenUsageStores>] = [
        Promise("each node has its offsets; a partition that is not named keeps what it has") { open in
            let stores = try await open()
            try expectEqual(try await stores.usage.resourceOffsets(node: "one"), [:])
            try await stores.usage.save(batch([], node: "one", offsets: [0: 5, 2: 7]))
            try await stores.usage.save(batch([], node: "other", offsets: [0: 1]))
            try await stores.usage.save(batch([], node: "one", offsets: [0: 6]))
            await stores.close()
            let reopened = try await open()
            try expectEqual(try await reopened.usage.resourceOffsets(node: "one"), [0: 6, 2: 7])
            try expectEqual(try await reopened.usage.resourceOffsets(node: "other"), [0: 1])
        },
        Promise("dropped samples are noted, the newest first; none are no note") { open in
            let stores = try await open()
            for (second, dropped) in [4, 0, 6].enumerated() {
                try await stores.usage.save(batch([], dropped: dropped, at: Double(second)))
            }
            try await stores.usage.save(batch([], node: "z", dropped: 8, at: 2))
            let notes = [
                UsageDrop(node: "z", at: time(2), samples: 8), UsageDrop(node: "node", at: time(2), samples: 6),
                UsageDrop(node: "node", at: time(0), samples: 4),
            ]
            try expectEqual(try await stores.usage.drops(limit: .max), notes)
            try expectEqual(try await stores.usage.drops(limit: 1), [notes[0]])
            try expectEqual(try await stores.usage.drops(limit: 0), [])
        },
        Promise("the last thousand notes of dropped samples stay") { open in
            let stores = try await open()
            for second in 0..<UsageDrop.kept + 3 {
                try await stores.usage.save(batch([], dropped: 1, at: Double(second)))
            }
            let kept = try await stores.usage.drops(limit: .max)
            try expectEqual(kept.map(\.at), (3..<UsageDrop.kept + 3).reversed().map { time(Double($0)) })
        },
    ]
}
