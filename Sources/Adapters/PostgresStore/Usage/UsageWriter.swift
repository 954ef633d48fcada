internal import MillraceCore
internal import MillracePorts
internal import Platform
internal import Synchronization

/// The one thread of this process that writes samples, on a connection of its own: orders do not wait for it.
final class UsageWriter: Sendable {
    private struct Write: Sendable {
        var batch: UsageBatch
        var reply: Reply<Int, StoreError>
    }

    private let thread: BatchThread<Write>
    private let link: Link

    /// The most batches that wait; a full queue makes senders wait. A monitor sends one at a time.
    private static let capacity = 64

    init(_ server: Server) {
        let link = Link(server)
        self.link = link
        // Only the thread uses them.
        let memory = Mutex((numbers: UsageNumbers(), partitions: Partitions()))
        thread = BatchThread(name: "usage-writer", capacity: Self.capacity, batchLimit: 1) { writes in
            for write in writes {
                do {
                    // A batch may be saved again: what is there is left as it is.
                    let unknown = try link.use(mayRepeat: true) { connection in
                        try memory.withLock { memory in
                            try connection.save(write.batch, &memory.numbers, &memory.partitions)
                        }
                    }
                    write.reply.bring(.success(unknown))
                } catch {
                    write.reply.bring(.failure(StoreError(error, doing: "saving samples")))
                }
            }
        }
    }

    /// - Returns: how many samples were of orders that are not there.
    func save(_ batch: UsageBatch) async throws(StoreError) -> Int {
        let reply = Reply<Int, StoreError>()
        guard await thread.submit(Write(batch: batch, reply: reply)) else {
            throw StoreError(.closed, "saving samples")
        }
        return try await reply.value()
    }

    /// Writes what has been taken, and takes no more.
    func close() async {
        await thread.close()
        link.close()
    }
}

extension Connection {
    /// Fewer rows than this are inserted by a statement, in one round trip; COPY takes two, and less for each row.
    private static let copyMinimum = 64

    fileprivate func save(
        _ batch: UsageBatch, _ numbers: inout UsageNumbers, _ partitions: inout Partitions
    ) throws -> Int {
        var usage = UsageRows(batch.samples, numbers)
        let orders = usage.unknownOrders.union(
            batch.estimates.lazy.map(\.step.order).filter { [numbers] in numbers[$0] == nil })
        if !orders.isEmpty {
            try numbers.find(orders, self)
            usage = UsageRows(batch.samples, numbers)
        }
        if !usage.unknownTasks.isEmpty {
            try numbers.add(usage.unknownTasks, self)
            usage = UsageRows(batch.samples, numbers)
        }
        if !usage.rows.isEmpty { try partitions.prepare(usage.rows, at: batch.at, self) }
        let beside = Statement.beside(batch, numbers)
        for attempt in 1... {
            do {
                try write(usage, beside)
                break
            } catch let error as PostgresError where error.isTransient && attempt < 5 {
                rollBack()
            } catch {
                rollBack()
                throw error
            }
        }
        return usage.unknown
    }

    private func write(_ usage: UsageRows, _ beside: [Statement]) throws {
        if usage.rows.count >= Self.copyMinimum {
            do {
                let copy = "COPY resource_usage (\(UsageRows.columns)) FROM STDIN (FORMAT binary)"
                guard !beside.isEmpty else { return try self.copy(copy, usage.copyData) }
                try run([Statement("BEGIN")] + beside)
                // What follows a COPY that fails is not run.
                return try self.copy(copy + "; COMMIT", usage.copyData)
            } catch let error as PostgresError where error.isUniqueViolation {
                // Some of it is there, as when a batch is saved again: the slow way leaves that as it is.
                rollBack()
            }
        }
        // One pipeline is one transaction.
        let statements = beside + (usage.rows.isEmpty ? [] : [usage.insertion])
        if !statements.isEmpty { try run(statements) }
    }
}

extension Statement {
    /// What a batch has beside its samples.
    fileprivate static func beside(_ batch: UsageBatch, _ numbers: UsageNumbers) -> [Statement] {
        var statements: [Statement] = []
        let estimates = batch.estimates.compactMap { estimate in
            numbers[estimate.step.order].map { (order: $0, estimate: estimate) }
        }
        if !estimates.isEmpty { statements.append(.add(estimates)) }
        let offsets = batch.offsets.sorted { $0.key < $1.key }
        if !offsets.isEmpty {
            statements.append(
                Statement(
                    """
                    INSERT INTO resource_offsets (node, partition, next_offset) SELECT $1, * FROM unnest($2, $3)
                    ON CONFLICT (node, partition) DO UPDATE SET next_offset = excluded.next_offset
                    """, batch.node, offsets.map(\.key), offsets.map(\.value)))
        }
        if batch.dropped > 0 {
            statements.append(
                Statement(
                    "INSERT INTO dropped_samples (node, at, samples) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                    batch.node, batch.at, batch.dropped))
            statements.append(
                Statement(
                    """
                    DELETE FROM dropped_samples WHERE (at, node) <= (
                        SELECT at, node FROM dropped_samples ORDER BY at DESC, node DESC LIMIT 1 OFFSET $1)
                    """, UsageDrop.kept))
        }
        return statements
    }

    /// Known totals, and what was estimated before, stay.
    private static func add(_ estimates: [(order: Int64, estimate: RunEstimate)]) -> Statement {
        let totals = estimates.map(\.estimate.totals)
        return Statement(
            """
            INSERT INTO step_totals (order_id, step, run, \(RunTotals.columns), estimated)
            SELECT *, true FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)
            ON CONFLICT (order_id, step, run) DO NOTHING
            """, estimates.map(\.order), estimates.map { Int32(clamping: $0.estimate.step.index) },
            estimates.map(\.estimate.run.text), totals.map(\.cpu?.inSeconds), totals.map(\.peakRAM),
            totals.map(\.diskRead), totals.map(\.diskWritten), totals.map(\.waiting?.inSeconds),
            totals.map(\.running?.inSeconds))
    }
}
