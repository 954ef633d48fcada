import MillraceCore

/// What has changed since orders were seen last.
struct OrderChanges {
    struct Change: Hashable {
        var order: OrderID
        /// The step's place and task; nil for the order itself.
        var step: Int?
        var task: String?
        var state: String
        var attempt: Int?
        var instance: String?
        var took: Duration?
        var reason: String?
        var at: Timestamp?
    }

    private struct Seen: Hashable {
        var state: OrderState
        var steps: [SeenStep]
    }

    private struct SeenStep: Hashable {
        var state: StepState
        var attempt: Int
    }

    private var seen: [OrderID: Seen] = [:]

    func knows(_ id: OrderID) -> Bool { seen[id] != nil }

    /// Notes an order without telling of it.
    mutating func note(_ order: OrderView) {
        seen[order.id] = Seen(
            state: order.state, steps: order.steps.map { SeenStep(state: $0.state, attempt: $0.attempt) })
    }

    /// Notes an order; of one that is new, all that has happened so far is a change.
    /// - Returns: in the sequence in which they happen: the start, the steps, the end.
    mutating func take(_ order: OrderView) -> [Change] {
        let before = seen[order.id]
        note(order)
        var changes: [Change] = []
        if before?.state != order.state, !order.state.hasEnded { changes.append(Change(of: order)) }
        for (index, step) in order.steps.enumerated() {
            let old = before.flatMap { $0.steps.indices.contains(index) ? $0.steps[index] : nil }
            let isNew = old == nil && step.state == .pending
            guard !isNew, old != SeenStep(state: step.state, attempt: step.attempt) else { continue }
            changes.append(Change(of: index, in: order))
        }
        if before?.state != order.state, order.state.hasEnded { changes.append(Change(of: order)) }
        return changes
    }
}

extension OrderChanges.Change {
    fileprivate init(of order: OrderView) {
        self.init(
            order: order.id, state: order.state.rawValue, took: order.state.hasEnded ? order.took : nil,
            reason: order.reason,
            at: order.state.hasEnded
                ? order.finishedAt : order.state == .accepted ? order.submittedAt : order.startedAt)
    }

    fileprivate init(of index: Int, in order: OrderView) {
        let step = order.steps[index]
        self.init(
            order: order.id, step: index, task: step.task, state: step.state.rawValue, attempt: step.attempt,
            instance: step.instance, took: step.took, reason: step.reason,
            at: step.state.hasEnded ? step.finishedAt ?? order.finishedAt : step.startedAt)
    }

    var line: String {
        var parts = [Wording.time(at), order.text]
        if let step, let task { parts.append("step \(step) \(task)") }
        parts.append(state)
        if let attempt, attempt > 1 { parts.append("(attempt \(attempt))") }
        if let took { parts.append("after \(Wording.seconds(took))") }
        if let instance { parts.append("on \(instance)") }
        return Wording.oneLine(parts.joined(separator: " ") + (reason.map { ": \($0)" } ?? ""))
    }

    var json: String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.field("order", order.text)
        writer.field("step", orNull: step.map { .integer($0) })
        writer.field("task", orNull: task.map { .string($0) })
        writer.field("state", state)
        writer.field("attempt", orNull: attempt.map { .integer($0) })
        writer.field("instance", orNull: instance.map { .string($0) })
        writer.field("seconds", orNull: took.map { .number(Double($0.microseconds) / 1_000_000) })
        writer.field("reason", orNull: reason.map { .string($0) })
        writer.field("at", orNull: at.map { .string($0.description) })
        writer.endObject()
        return writer.text
    }
}
