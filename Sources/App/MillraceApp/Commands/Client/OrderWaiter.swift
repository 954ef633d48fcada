import MillraceCore

/// Waits for orders to end, and tells of each that does.
struct OrderWaiter {
    let client: MillraceClient
    let progress: ProgressLine
    let format: DataFormat

    /// - Parameter timeout: after which the wait has failed; nil for none.
    /// - Throws: `failed` when an order did not finish, or not in time; `noSuchOrder`.
    func wait(for ids: [OrderID], timeout: Duration?) async throws {
        let deadline = timeout.map { ContinuousClock.now + $0 }
        var queue = PollQueue(ids)
        let total = queue.pending.count
        var (finished, failed) = (0, 0)
        var pause = PollPause()
        while true {
            progress.update("finished \(finished), failed \(failed) of \(Wording.count(total, "order"))")
            let coversAll = queue.coversAll
            let ended = try await client.orders(queue.next()).filter { $0.state.hasEnded }
            for order in ended {
                if order.hasFailed { failed += 1 } else { finished += 1 }
                show(order)
            }
            queue.remove(Set(ended.map(\.id)))
            if queue.isEmpty { break }
            // The next round asks for others.
            if !ended.isEmpty, !coversAll { continue }
            var time = pause.after(somethingHappened: !ended.isEmpty)
            if let deadline {
                let left = deadline - .now
                guard left > .zero else { throw late(queue.pending, timeout) }
                time = min(time, left)
            }
            try await Task.sleep(for: time)
        }
        progress.clear()
        guard failed == 0 else {
            throw Failure(.failed, "millrace: \(failed) of \(Wording.count(total, "order")) did not finish")
        }
    }

    private func show(_ order: OrderView) {
        switch format {
        case .json: Output.line(order.jsonText)
        case .text: progress.line(order.endLine)
        }
    }

    private func late(_ pending: [OrderID], _ timeout: Duration?) -> Failure {
        progress.clear()
        let names = pending.prefix(5).map(\.text).joined(separator: ", ") + (pending.count > 5 ? ", …" : "")
        return Failure(
            .failed,
            "millrace: after \(Wording.seconds(timeout)), \(Wording.count(pending.count, "order")) had not ended: \(names)"
        )
    }
}

extension OrderView {
    /// How it ended, for people.
    var endLine: String {
        let end = hasFailed ? reason.map { ": \(Wording.oneLine($0))" } ?? "" : ""
        return "\(id) \(state.rawValue) after \(Wording.seconds(took))\(end)"
    }
}

extension MillraceClient {
    /// Requests at a time when several orders are asked for.
    static let readers = 8

    /// Asks for each order; they come in the order of `ids`.
    func orders(_ ids: [OrderID]) async throws -> [OrderView] {
        var found: [OrderID: OrderView] = [:]
        try await withThrowingTaskGroup(of: OrderView.self) { group in
            var waiting = ids[...]
            for id in waiting.prefix(Self.readers) { group.addTask { try await order(id) } }
            waiting = waiting.dropFirst(Self.readers)
            while let order = try await group.next() {
                found[order.id] = order
                if let id = waiting.popFirst() { group.addTask { try await self.order(id) } }
            }
        }
        return ids.compactMap { found[$0] }
    }
}
