import ArgumentParser
import MillraceCore
import MillracePorts
import Platform

/// Usage samples into PostgreSQL, against PostgreSQL's own client.
struct BenchRows: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rows", abstract: "Rows of usage samples a second into PostgreSQL, against psql's \\copy.",
        discussion: """
            storeRowsPerSecond: batches of 330 rows (a second's samples of 110 steps), saved one after another as \
            monitor-resources saves them, each safe on disk before the next. psqlBatchesRowsPerSecond: the same rows into \
            the same table by `psql \\copy`, in as many commands. psqlRowsPerSecond: in one command, which is one \
            transaction. The database is DATABASE_URL's; tables are made in a schema that is dropped afterwards.
            """)
    @Option(help: "batches of each run") var batches = 600
    @Option(help: "runs of each, in turn; the medians are told") var runs = 3
    @OptionGroup var options: BenchOptions

    func run() async throws {
        guard (1...100_000).contains(batches), runs >= 1 else {
            throw ValidationError("--batches must be 1 to 100000, --runs at least 1")
        }
        let (batches, runs) = (batches, runs)
        let figures = try await BenchSite.with(options.flags, fixed: ["store": "postgres"]) { site in
            let stores = try await site.adapters.stores()
            let psql = try Psql(site)
            let rows = BenchSamples(batches: batches)
            try await rows.insertOrders(stores.orders)
            var store: [Double] = []
            var inBatches: [Double] = []
            var atOnce: [Double] = []
            for run in 0..<runs {
                store.append(try await rows.save(to: stores.usage, run: run))
                let file = try await psql.export(batchRows: BenchSamples.rowsInBatch)
                inBatches.append(Double(batches * BenchSamples.rowsInBatch) / (try await psql.copy(file.parts)))
                atOnce.append(Double(batches * BenchSamples.rowsInBatch) / (try await psql.copy([file.whole])))
            }
            await stores.close()
            var figures = Figures()
            figures.set("storeRowsPerSecond", medianOf: store)
            figures.set("psqlBatchesRowsPerSecond", medianOf: inBatches)
            figures.set("psqlRowsPerSecond", medianOf: atOnce)
            figures.set("ratioToPsqlBatches", medianOf: zip(store, inBatches).map { $0 / $1 })
            figures.set("ratioToPsql", medianOf: zip(store, atOnce).map { $0 / $1 })
            return figures
        }
        figures.show(asJSON: options.output == .json)
    }
}

/// Samples of 110 running steps, second after second.
struct BenchSamples: Sendable {
    static let steps = 110
    static let rowsInBatch = steps * Resource.allCases.count
    let batches: Int

    private func order(_ index: Int) throws -> OrderID { try OrderID("rows-\(index)") }

    func insertOrders(_ store: any OrderStore) async throws {
        let image = ImageReference.content(sha256: String(repeating: "0", count: 64))
        let task = TaskCall(try TaskName("rows"))
        let now = Adapters.now()
        let orders = try (0..<Self.steps).map { index in
            let order = Order(id: try order(index), image: image, tasks: [task])
            return NewOrder(order: order, contentHash: order.id.text, submittedAt: now)
        }
        _ = try await store.insert(orders)
    }

    /// Saves all batches, of an hour of its own for each run.
    /// - Returns: rows a second.
    func save(to store: any UsageStore, run: Int) async throws -> Double {
        var keys: [StepKey] = []
        for index in 0..<Self.steps { keys.append(StepKey(order: try order(index), index: 0)) }
        let task = try TaskName("rows")
        let begin = Adapters.now() + .seconds(-3600)
        let all = (0..<batches).map { batch in
            let at = begin + .seconds(batch) + .microseconds(run)
            let samples = keys.enumerated().map { index, key in
                UsageSample(
                    step: key, task: task, at: at, seconds: 1, cpu: Double(index) / 110 + Double(batch % 7) / 100,
                    ram: Double(20_000_000 + 4096 * (batch % 1000) + index), disk: Double(batch * index))
            }
            return UsageBatch(node: "bench", samples: samples, offsets: [0: Int64(batch)], at: at)
        }
        let start = ContinuousClock.now
        for batch in all { try await store.save(batch) }
        return Double(batches * Self.rowsInBatch) / (ContinuousClock.now - start).inSeconds
    }
}
