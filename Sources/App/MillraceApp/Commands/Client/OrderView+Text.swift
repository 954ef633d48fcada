import MillraceCore

// An order as people see it.
extension OrderView {
    static func table(_ orders: [OrderView]) -> Table {
        var table = Table([
            ("id", .left), ("state", .left), ("submitted", .left), ("took", .right), ("steps", .right),
            ("now", .left), ("reason", .left),
        ])
        for order in orders {
            let done = order.steps.count { $0.state == .finished }
            table.add([
                order.id.text, order.state.rawValue, Wording.time(order.submittedAt), Wording.seconds(order.took),
                "\(done)/\(order.steps.count)", order.currentTask ?? "", order.reason ?? "",
            ])
        }
        return table
    }

    /// What it is at.
    private var currentTask: String? {
        guard !state.hasEnded else { return nil }
        return steps.first { $0.state == .running || $0.state == .pending }?.task
    }

    var headLines: [String] {
        var fields: [(String, String)] = [
            ("id", id.text), ("state", state.rawValue), ("image", image), ("submitted", Wording.time(submittedAt)),
            ("started", Wording.time(startedAt)), ("finished", Wording.time(finishedAt)),
            ("took", Wording.seconds(took)),
        ]
        if let reason { fields.insert(("reason", Wording.oneLine(reason)), at: 2) }
        return fields.map { name, value in name + String(repeating: " ", count: 11 - name.count) + value }
    }

    var stepTable: Table {
        var table = Table([
            ("step", .right), ("task", .left), ("state", .left), ("attempt", .right), ("started", .left),
            ("took", .right), ("cpu", .right), ("peak ram", .right), ("read", .right), ("written", .right),
            ("instance", .left), ("reason", .left),
        ])
        for (index, step) in steps.enumerated() {
            table.add([
                String(index), step.task, step.state.rawValue, String(step.attempt), Wording.time(step.startedAt),
                Wording.seconds(step.took), Wording.seconds(step.usage.cpu), Wording.bytes(step.usage.peakRAM),
                Wording.bytes(step.usage.diskRead), Wording.bytes(step.usage.diskWritten),
                step.instance ?? Wording.unknown, step.reason ?? "",
            ])
        }
        return table
    }
}
