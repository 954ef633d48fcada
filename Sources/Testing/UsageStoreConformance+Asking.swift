internal import MillraceCore
internal import MillracePorts

extension UsageStoreConformance {
    static let asking: [Promise<OpenUsageStores>] = [
        Promise("an order that is not there, or that has none, has no samples") { open in
            let stores = try await open()
            _ = try await stores.orders.insert([order("a", ["resize"])])
            for id in ["a", "b"] { try expectEqual(try await stores.usage.usage(of: OrderID(id)), []) }
        },
        Promise("finished steps of a task come the newest first, with their totals") { open in
            let stores = try await open()
            let totals = RunTotals(
                cpu: .microseconds(1_234_567), peakRAM: 1 << 33, diskRead: 0, diskWritten: 5,
                waiting: .milliseconds(250), running: .seconds(3))
            try await finish(
                order("a", ["resize", "blur", "resize"]), at: [3, 5, 9], totals: totals, in: stores.orders)
            try await finish(order("b", ["resize", "resize"]), at: [7], ends: false, in: stores.orders)
            var failed = try await finish(order("c", ["resize"]), at: [], ends: false, in: stores.orders)
            _ = failed.startStep(0, run: try RunID("r"), instance: "i", at: time(11))
            _ = failed.end(.failed(reason: "no luck"), at: time(12))
            try await save(failed, in: stores.orders)
            let task = try TaskName("resize")
            let found = try await stores.usage.finishedSteps(of: task, limit: .max)
            try expectEqual(found.map(\.step.description), ["a/2", "b/0", "a/0"])
            try expectEqual(found.map(\.finishedAt), [time(9), time(7), time(3)])
            try expectEqual(found.map(\.startedAt), [time(8), time(6), time(2)])
            try expectEqual(found.map(\.totals), [totals, RunTotals(), totals])
            try expectEqual(try await stores.usage.finishedSteps(of: task, limit: 1), [found[0]])
            try expectEqual(try await stores.usage.finishedSteps(of: task, limit: 0), [])
            try expectEqual(try await stores.usage.finishedSteps(of: TaskName("edges"), limit: 9), [])
            let steps = try await stores.orders.order(OrderID("a"))?.progress.steps
            try expectEqual(steps?.map(\.totals), [totals, totals, totals])
        },
        Promise("steps that finished at one time come by their orders' numbers, the newest first") { open in
            let stores = try await open()
            for id in ["b", "c", "a"] { try await finish(order(id, ["blur", "blur"]), at: [1, 1], in: stores.orders) }
            let found = try await stores.usage.finishedSteps(of: TaskName("blur"), limit: 4)
            try expectEqual(found.map(\.step.description), ["a/1", "a/0", "c/1", "c/0"])
        },
        Promise("a task's samples are those of its latest finished steps that have any") { open in
            let stores = try await open()
            for (id, second) in [("a", 3.0), ("b", 6), ("c", 9), ("d", 12)] {
                try await finish(order(id, ["resize", "blur"]), at: [second, second + 1], in: stores.orders)
            }
            _ = try await stores.orders.insert([order("running", ["resize"])])
            let samples = try ["a", "b", "d"].map { try sample($0, 0, "resize", at: 1, cpu: 1) }
            try await stores.usage.save(
                batch(
                    samples + [
                        sample("d", 1, "blur", at: 2, cpu: 2), sample("d", 0, "resize", at: 2, cpu: 2, ram: 1),
                        sample("running", 0, "resize", at: 2, cpu: 2),
                    ]))
            let task = try TaskName("resize")
            let found = try await stores.usage.usage(of: task, limit: 2, points: 9)
            try expectEqual(found.map(\.step.description), ["d/0", "b/0"])
            try expectEqual(found.map(\.startedAt), [time(11), time(5)])
            try expectEqual(found[0].series.map(\.resource), [.cpu, .ram])
            try expectEqual(found[0].series.map(\.points), [[point(1, 1), point(2, 2)], [point(2, 1)]])
            let all = try await stores.usage.usage(of: task, limit: .max, points: 9)
            try expectEqual(all.map(\.step.description), ["d/0", "b/0", "a/0"])
            let coarse = try await stores.usage.usage(of: task, limit: 1, points: 1)
            let both = UsagePoint(at: time(2), seconds: 2, value: 1.5, low: 1, high: 2)
            try expectEqual(coarse.first?.series.map(\.points), [[both], [point(2, 1)]])
            try expectEqual(try await stores.usage.usage(of: task, limit: 0, points: 9), [])
            try expectEqual(try await stores.usage.usage(of: TaskName("edges"), limit: 9, points: 9), [])
        },
        Promise("an estimate stands where no totals are known, and the first of a run stays") { open in
            let stores = try await open()
            try await finish(order("a", ["resize", "resize"]), at: [3, 6], in: stores.orders)
            let first = RunTotals(cpu: .seconds(1), running: .seconds(2))
            for totals in [first, RunTotals(cpu: .seconds(5), peakRAM: 1)] {
                try await stores.usage.save(
                    batch([], estimates: [estimate("a", 0, totals), estimate("b", 0, totals)]))
            }
            // Another run of the step is not the one that finished.
            try await stores.usage.save(batch([], estimates: [estimate("a", 1, first, run: "other")]))
            let found = try await stores.usage.finishedSteps(of: TaskName("resize"), limit: 9)
            try expectEqual(found.map(\.totals), [RunTotals(), first])
            // Whoever reads an order and saves it again must not make exact totals of an estimate.
            let steps = try await stores.orders.order(OrderID("a"))?.progress.steps
            try expectEqual(steps?.map(\.totals), [RunTotals(), RunTotals()])
        },
        Promise("an estimate changes no totals that are known") { open in
            let stores = try await open()
            let exact = RunTotals(cpu: .seconds(3))
            try await finish(order("a", ["resize"]), at: [3], totals: exact, in: stores.orders)
            let all = RunTotals(cpu: .seconds(9), peakRAM: 9, diskRead: 9, diskWritten: 9, running: .seconds(9))
            try await stores.usage.save(batch([], estimates: [estimate("a", 0, all)]))
            let found = try await stores.usage.finishedSteps(of: TaskName("resize"), limit: 9)
            try expectEqual(found.map(\.totals), [exact])
        },
        Promise("totals that become known take the place of an estimate, all of it") { open in
            let stores = try await open()
            let new = try order("a", ["resize"])
            _ = try await stores.orders.insert([new])
            let all = RunTotals(cpu: .seconds(9), peakRAM: 9, diskRead: 9, diskWritten: 9, running: .seconds(9))
            try await stores.usage.save(batch([], estimates: [estimate("a", 0, all)]))
            let exact = RunTotals(cpu: .seconds(3), waiting: .seconds(1))
            try await finish(new, at: [3], totals: exact, in: stores.orders)
            let found = try await stores.usage.finishedSteps(of: TaskName("resize"), limit: 9)
            try expectEqual(found.map(\.totals), [exact])
        },
    ]

    /// Of the run that ``finish(_:at:totals:ends:in:)`` has for the step.
    private static func estimate(
        _ order: String, _ step: Int, _ totals: RunTotals, run: String? = nil
    ) throws -> RunEstimate {
        RunEstimate(
            step: StepKey(order: try OrderID(order), index: step), run: try RunID(run ?? "run\(step)"), totals: totals)
    }
}
