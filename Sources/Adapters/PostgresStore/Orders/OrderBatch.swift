internal import MillracePorts
internal import Platform

/// Writes that share a transaction; one of monitor-system's at most. It takes one round trip, or two where what is
/// written depends on what is there.
struct OrderBatch {
    private typealias InsertReply = Reply<[Insertion], StoreError>

    private var callers: [[NewOrderRow]] = []
    private var insertReplies: [InsertReply] = []
    private var published: [String] = []
    private var publishReplies: [Reply<Void, StoreError>] = []
    private var monitor: (write: MonitorWrite, reply: Reply<Void, StoreError>)?

    init(_ writes: [OrderWriter.Write]) {
        var inserts: [(rows: [NewOrderRow], reply: InsertReply)] = []
        for write in writes {
            switch write {
            case .insert(let rows, let reply): inserts.append((rows, reply))
            case .publish(let ids, let reply):
                published += ids
                publishReplies.append(reply)
            case .monitor(let write, let reply): monitor = (write, reply)
            }
        }
        // In order, so that two services that were sent the same orders do not wait for each other in a circle.
        inserts.sort { $0.rows.first?.id ?? "" < $1.rows.first?.id ?? "" }
        callers = inserts.map(\.rows)
        insertReplies = inserts.map(\.reply)
    }

    /// - Returns: what tells the callers.
    func commit(_ connection: Connection) throws -> [() -> Void] {
        do {
            var present: [String: InsertPlan.Present] = [:]
            while true {
                let plan = InsertPlan(callers, present: present)
                switch try attempt(plan, connection) {
                case .committed(let isFenced): return replies(plan.answers, isFenced: isFenced)
                case .present(let found, let isCommitted, let isFenced):
                    present.merge(found) { _, new in new }
                    guard isCommitted else { continue }
                    return replies(InsertPlan(callers, present: present).answers, isFenced: isFenced)
                }
            }
        } catch {
            connection.rollBack()
            throw error
        }
    }

    private enum Outcome {
        case committed(isFenced: Bool)
        /// Some orders were there already; where that changes what is to be inserted, nothing is written.
        case present([String: InsertPlan.Present], isCommitted: Bool, isFenced: Bool)
    }

    private func attempt(_ plan: InsertPlan, _ connection: Connection) throws -> Outcome {
        let isIndependent = InsertPlan.isIndependent(callers)
        let isOneTrip = monitor == nil && isIndependent
        var statements: [Statement] = []
        if !plan.rows.isEmpty { statements.append(.insert(plan.rows)) }
        if !published.isEmpty { statements.append(.markPublished(published)) }
        if monitor != nil { statements += [.lockOffsets, .offsets] }
        guard !statements.isEmpty else { return .committed(isFenced: false) }
        // Without a BEGIN the pipeline is a transaction of its own.
        if !isOneTrip { statements.insert(Statement("BEGIN"), at: 0) }
        var rows = try connection.run(statements)
        let offsets = monitor == nil ? nil : try rows.popLast()?.offsets()
        let inserted = plan.rows.isEmpty ? [] : try rows[isOneTrip ? 0 : 1].map { try $0.value(0, as: String.self) }
        let missing = Set(plan.rows.lazy.map(\.id)).subtracting(inserted)
        guard missing.isEmpty || isIndependent else {
            return .present(
                try lookUp(missing, connection, after: [Statement("ROLLBACK")]), isCommitted: false, isFenced: false)
        }
        let isFenced = monitor.map { $0.write.expected != offsets } ?? false
        var ending: [Statement] = []
        if let monitor, !isFenced { ending += monitor.write.statements }
        if !isOneTrip { ending.append(Statement("COMMIT")) }
        guard missing.isEmpty else {
            let found = try lookUp(missing, connection, after: ending)
            return .present(found, isCommitted: true, isFenced: isFenced)
        }
        if !ending.isEmpty { try connection.run(ending) }
        return .committed(isFenced: isFenced)
    }

    private func lookUp(
        _ ids: Set<String>, _ connection: Connection, after statements: [Statement]
    ) throws -> [String: InsertPlan.Present] {
        var found: [String: InsertPlan.Present] = [:]
        try connection.run(statements + [.lookUp(ids.sorted())]).last?.forEach { row in
            found[try row.value(0)] = InsertPlan.Present(contentHash: try row.value(1), isPublished: try row.value(2))
        }
        return found
    }

    private func replies(_ answers: [[Insertion]], isFenced: Bool) -> [() -> Void] {
        var replies: [() -> Void] = []
        for (reply, answer) in zip(insertReplies, answers) { replies.append { reply.bring(.success(answer)) } }
        for reply in publishReplies { replies.append { reply.bring(.success(())) } }
        if let monitor {
            replies.append { monitor.reply.bring(isFenced ? .failure(.fenced) : .success(())) }
        }
        return replies
    }
}
