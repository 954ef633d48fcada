internal import MillraceCore
internal import MillracePorts

extension ImageStoreConformance {
    static let running: [ConformancePromise<OpenImageStore>] = [
        ConformancePromise("a step that has not ended has no report") { open in
            let store = try await open()
            let step = try step("a", 0)
            try expect(try await store.report(of: step), equals: nil)
            _ = try await store.begin(RunID("run1"), of: step)
            try expect(try await store.report(of: step), equals: nil)
        },
        ConformancePromise("a run's folder is empty and its own") { open in
            let store = try await open()
            let step = try step("a", 0)
            let first = try await store.begin(RunID("run1"), of: step).folder
            try writeFile("half", to: first + "/picture.png")
            let second = try await store.begin(RunID("run2"), of: step).folder
            try expect(first != second, "two runs share \(first)")
            try writeFile("whole", to: second + "/picture.png")
            try expect(try readFile(first + "/picture.png"), equals: Array("half".utf8))
        },
        ConformancePromise("a step's output and report are in place when it has ended, and after reopening") { open in
            let store = try await open()
            let (one, two) = (try step("a", 0), try step("a", 1))
            for step in [one, two] {
                let report = try await finish(step, "run1", in: store, bytes: "bytes of \(step)")
                let reopened = try await open()
                try expect(try await reopened.report(of: step), equals: report)
                let path = try await reopened.path(of: .output(step, file: "picture.png"))
                try expect(try readFile(path), equals: Array("bytes of \(step)".utf8))
            }
        },
        ConformancePromise("a failure is kept without a file") { open in
            let store = try await open()
            let step = try step("a", 0)
            let folder = try await store.begin(RunID("run1"), of: step).folder
            try writeFile("half", to: folder + "/picture.png")
            let report = try report("run1", .failed(reason: "no luck\n\"today\""))
            try expect(try await store.end(step, with: report), equals: report)
            try expect(try await store.report(of: step), equals: report)
        },
        ConformancePromise("an input that is passed on is kept as a reference") { open in
            let store = try await open()
            let step = try step("a", 1)
            _ = try await store.begin(RunID("run1"), of: step)
            let input = ImageReference.output(try Self.step("a", 0), file: "picture.png")
            let report = try report("run1", .finished(output: input))
            try expect(try await store.end(step, with: report), equals: report)
            try expect(try await store.report(of: step), equals: report)
        },
        ConformancePromise("the first run's result stands") { open in
            let (one, other) = (try await open(), try await open())
            let step = try step("a", 0)
            let late = try await other.begin(RunID("run2"), of: step).folder
            try writeFile("second", to: late + "/picture.png")
            let first = try await finish(step, "run1", in: one, bytes: "first")
            let second = try report("run2", .finished(output: .output(step, file: "picture.png")))
            try expect(try await other.end(step, with: second), equals: first)
            try expect(try await other.end(step, with: first), equals: first)
            try expect(try await one.report(of: step), equals: first)
            let path = try await one.path(of: .output(step, file: "picture.png"))
            try expect(try readFile(path), equals: Array("first".utf8))
        },
        ConformancePromise("concurrent ends of a step give one result") { open in
            let store = try await open()
            let step = try step("a", 0)
            let results = try await withThrowingTaskGroup(of: RunReport.self) { group in
                for number in 0..<8 {
                    let folder = try await store.begin(RunID("run\(number)"), of: step).folder
                    try writeFile("run\(number)", to: folder + "/picture.png")
                }
                for number in 0..<8 {
                    let report = try report("run\(number)", .finished(output: .output(step, file: "picture.png")))
                    group.addTask { try await store.end(step, with: report) }
                }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            try expect(results.count, equals: 1)
            let path = try await store.path(of: .output(step, file: "picture.png"))
            try expect(try readFile(path), equals: Array((results.first?.run.text ?? "").utf8))
        },
        ConformancePromise("runs that died are counted; those that were abandoned are not") { open in
            let store = try await open()
            let (step, other) = (try step("a", 0), try step("a", 1))
            try expect(try await store.begin(RunID("run1"), of: step).unended, equals: 0)
            let reopened = try await open()
            try expect(try await reopened.begin(RunID("run2"), of: step).unended, equals: 1)
            try expect(try await reopened.begin(RunID("run3"), of: other).unended, equals: 0)
            await reopened.abandon(try RunID("run2"), of: step)
            await reopened.abandon(try RunID("unknown"), of: step)
            try expect(try await reopened.begin(RunID("run4"), of: step).unended, equals: 1)
            try expect(try await reopened.begin(RunID("run5"), of: step).unended, equals: 2)
        },
        ConformancePromise("an output that is not there does not end a step") { open in
            let store = try await open()
            let step = try step("a", 0)
            _ = try await store.begin(RunID("run1"), of: step)
            let report = try report("run1", .finished(output: .output(step, file: "picture.png")))
            let error = try await failure(ImageStoreError.self) { _ = try await store.end(step, with: report) }
            try expect(error.code, equals: .notFound)
            try expect(try await store.report(of: step), equals: nil)
        },
        ConformancePromise("orders may be called as they like") { open in
            let store = try await open()
            for id in [".runs", "...", ".runs.0", "sha256", "incoming", "result.json", "-", "0"] {
                for index in [0, 1] {
                    let step = try step(id, index)
                    try expect(try await store.begin(RunID("died"), of: step).unended, equals: 0)
                    let report = try await finish(step, "run1", in: store, bytes: id)
                    try expect(try await store.report(of: step), equals: report)
                    let path = try await store.path(of: .output(step, file: "picture.png"))
                    try expect(try readFile(path), equals: Array(id.utf8))
                }
            }
        },
        ConformancePromise("outputs may be called as they like") { open in
            let store = try await open()
            for (index, name) in ["result.json", ".hidden", "a b", "ä", "result.json.output"].enumerated() {
                let step = try step("a", index)
                let report = try await finish(step, "run1", in: store, file: name, bytes: name)
                try expect(try await store.report(of: step), equals: report)
                let path = try await store.path(of: .output(step, file: name))
                try expect(try readFile(path), equals: Array(name.utf8))
            }
        },
    ]

    private static func step(_ order: String, _ index: Int) throws -> StepKey {
        StepKey(order: try OrderID(order), index: index)
    }

    private static func report(_ run: String, _ outcome: StepOutcome) throws -> RunReport {
        RunReport(
            run: try RunID(run), attempt: 1, outcome: outcome, startedAt: Timestamp(microseconds: 1),
            finishedAt: Timestamp(microseconds: 2), totals: RunTotals(cpu: .milliseconds(3), peakRAM: 4),
            instance: "replica")
    }

    /// A whole run, with one file.
    private static func finish(
        _ step: StepKey, _ run: String, in store: any ImageStore, file: String = "picture.png", bytes: String
    ) async throws -> RunReport {
        let folder = try await store.begin(RunID(run), of: step).folder
        try writeFile(bytes, to: folder + "/" + file)
        let report = try report(run, .finished(output: .output(step, file: file)))
        try expect(try await store.end(step, with: report), equals: report)
        return report
    }
}
