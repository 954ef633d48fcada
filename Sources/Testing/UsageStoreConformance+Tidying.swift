internal import MillraceCore
public import MillracePorts

extension UsageStoreConformance {
    static let tidying: [Promise<OpenUsageStores>] = [
        Promise("samples of an old order become minutes: mean, least and largest") { open in
            let stores = try await open()
            try await finish(order("old", ["resize"]), at: [70], totals: totals, in: stores.orders)
            try await stores.usage.save(
                batch([
                    sample("old", 0, "resize", at: 0, seconds: 2, cpu: 1), sample("old", 0, "resize", at: 1, cpu: 4),
                    sample("old", 0, "resize", at: 59.5, seconds: 1, cpu: 0, ram: 7),
                    sample("old", 0, "resize", at: 60, seconds: 0.5, cpu: 8),
                ]))
            try await tidyAll(stores, samples: 1, minutes: 0)
            let found = try await stores.usage.usage(of: OrderID("old"))
            let minute = UsagePoint(at: time(59.5), seconds: 4, value: 1.5, low: 0, high: 4)
            try expectEqual(found.map(\.resource), [.cpu, .ram])
            try expectEqual(found.map(\.points), [[minute, point(60, 8, seconds: 0.5)], [point(59.5, 7)]])
            let ofTask = try await stores.usage.usage(of: TaskName("resize"), limit: 9, points: 9)
            try expectEqual(ofTask.map(\.series), [found])
            // A batch that comes late is beside the minutes until it becomes one itself.
            try await stores.usage.save(batch([sample("old", 0, "resize", at: 61, cpu: 2)]))
            let late = [minute, point(60, 8, seconds: 0.5), point(61, 2)]
            try expectEqual(try await stores.usage.usage(of: OrderID("old")).first?.points, late)
            try await tidyAll(stores, samples: 1, minutes: 0)
            try expectEqual(try await stores.usage.usage(of: OrderID("old")).first?.points, late)
        },
        Promise("samples of young orders, and of those that have not ended, stay") { open in
            let stores = try await open()
            try await finish(order("running", ["resize", "blur"]), at: [1], ends: false, in: stores.orders)
            try await finish(order("young", ["resize"], submitted: 50), at: [60], in: stores.orders)
            try await finish(order("old", ["resize"]), at: [70], in: stores.orders)
            for id in ["running", "young", "old"] {
                try await stores.usage.save(
                    batch([sample(id, 0, "resize", at: 1, cpu: 1), sample(id, 0, "resize", at: 2, cpu: 3)]))
            }
            try await tidyAll(stores, samples: 50, minutes: 50)
            for id in ["running", "young"] {
                let points = try await stores.usage.usage(of: OrderID(id)).first?.points
                try expectEqual(points, [point(1, 1), point(2, 3)])
            }
            try expectEqual(try await stores.usage.usage(of: OrderID("old")), [])
        },
        Promise("usage of older orders goes, samples and minutes; their totals stay") { open in
            let stores = try await open()
            let task = try TaskName("resize")
            try await finish(order("a", ["resize"]), at: [3], totals: totals, in: stores.orders)
            try await finish(order("b", ["resize"], submitted: 10), at: [13], totals: totals, in: stores.orders)
            for id in ["a", "b"] { try await stores.usage.save(batch([sample(id, 0, "resize", at: 1, cpu: 1)])) }
            try await tidyAll(stores, samples: 5, minutes: 0)
            try await stores.usage.save(batch([sample("a", 0, "resize", at: 90, cpu: 1)]))
            try await tidyAll(stores, samples: 10, minutes: 10)
            try expectEqual(try await stores.usage.usage(of: OrderID("a")), [])
            try expectEqual(
                try await stores.usage.usage(of: task, limit: 9, points: 9).map(\.step.description), ["b/0"])
            try await tidyAll(stores, samples: 11, minutes: 11)
            try expectEqual(try await stores.usage.usage(of: task, limit: 9, points: 9), [])
            let steps = try await stores.usage.finishedSteps(of: task, limit: 9)
            try expectEqual(steps.map(\.totals), [totals, totals])
        },
        Promise("much is tidied up in pieces, and none is lost") { open in
            let stores = try await open()
            try await finish(order("a", ["resize", "blur"]), at: [3, 4], in: stores.orders)
            try await finish(order("b", ["resize"]), at: [3], in: stores.orders)
            for (id, step) in [("a", 0), ("a", 1), ("b", 0)] {
                try await stores.usage.save(
                    batch((0..<3600).map { try sample(id, step, "resize", at: Double($0), cpu: Double($0), ram: 1) }))
            }
            try expect(try await stores.usage.tidy(retention(samples: 1, minutes: 0)), "all was done in one piece")
            try await tidyAll(stores, samples: 1, minutes: 0)
            let minutes = (0..<60).map { minute in
                let first = Double(minute * 60)
                return UsagePoint(
                    at: time(first + 59), seconds: 60, value: first + 29.5, low: first, high: first + 59)
            }
            for (id, step) in [("a", 0), ("a", 1), ("b", 0)] {
                let found = try await stores.usage.usage(of: OrderID(id)).filter { $0.step == step }
                try expectEqual(found.map(\.points.count), [60, 60])
                try expectEqual(found.first?.points, minutes)
            }
            try await tidyAll(stores, samples: 1, minutes: 1)
            try expectEqual(try await stores.usage.usage(of: OrderID("a")), [])
        },
        Promise("where nothing is old there is nothing to be done") { open in
            let stores = try await open()
            try await finish(order("a", ["resize"], submitted: 5), at: [8], in: stores.orders)
            try await stores.usage.save(batch([sample("a", 0, "resize", at: 7, cpu: 1)]))
            try expect(try await !stores.usage.tidy(retention(samples: 5, minutes: 5)), "something was to be done")
            try expectEqual(try await stores.usage.usage(of: OrderID("a")).map(\.points), [[point(7, 1)]])
        },
    ]

    private static let totals = RunTotals(cpu: .seconds(3), running: .seconds(4))

    /// Of orders that were submitted before these seconds.
    public static func retention(samples: Double, minutes: Double) -> UsageRetention {
        UsageRetention(samplesSince: time(samples), minutesSince: time(minutes))
    }

    private static func tidyAll(_ stores: UsageStores, samples: Double, minutes: Double) async throws {
        var pieces = 0
        while try await stores.usage.tidy(retention(samples: samples, minutes: minutes)) {
            pieces += 1
            try expect(pieces < 1000, "there is always more to be done")
        }
    }
}
