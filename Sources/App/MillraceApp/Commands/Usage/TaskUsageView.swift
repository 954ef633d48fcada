import MillraceCore

/// What is known of a task from its finished steps, as the service shows it.
struct TaskUsageView: Sendable {
    struct Step: Sendable {
        var order: String
        var index: Int
        var startedAt: Timestamp
        var finishedAt: Timestamp
        var totals: RunTotals
        /// From the median step.
        var difference: [TaskUsage.Quantity: Double]
    }

    struct Decision: Sendable {
        var at: Timestamp
        var from: Int
        var to: Int
    }

    var task: String
    var expected: [TaskUsage.Quantity: Distribution]
    /// Newest first.
    var steps: [Step]
    var profile: [Resource: [UsageProfile.Point]]
    var samples: [UsageSampleView]
    /// Newest first.
    var decisions: [Decision]
    var json: [UInt8]

    init(json: [UInt8]) throws(JSONError) {
        let fields = try JSONFields(JSONValue(parsing: json))
        task = try fields.text("task")
        let spreads = try fields.object("expected")
        expected = [:]
        for quantity in TaskUsage.Quantity.allCases {
            expected[quantity] = try spreads.objectIfPresent(quantity.rawValue).map(Distribution.init(fields:))
        }
        steps = []
        for step in try fields.objects("steps") { steps.append(try Step(step)) }
        let profiles = try fields.object("profile")
        profile = [:]
        for resource in Resource.allCases {
            var points: [UsageProfile.Point] = []
            for point in try profiles.objects(resource.name) { points.append(try UsageProfile.Point(fields: point)) }
            profile[resource] = points
        }
        samples = []
        for sample in try fields.objects("samples") { samples.append(try UsageSampleView(fields: sample)) }
        decisions = []
        for decision in try fields.objects("decisions") {
            decisions.append(
                Decision(
                    at: try decision.time("at"), from: try decision.whole("from"), to: try decision.whole("to")))
        }
        self.json = json
    }
}

extension Distribution {
    fileprivate init(fields: JSONFields) throws(JSONError) {
        self.init(
            count: try fields.whole("count"), minimum: try fields.number("min"), p5: try fields.number("p5"),
            median: try fields.number("median"), p95: try fields.number("p95"), maximum: try fields.number("max"))
    }
}

extension UsageProfile.Point {
    fileprivate init(fields: JSONFields) throws(JSONError) {
        self.init(
            second: try fields.number("second"), seconds: try fields.number("seconds"), p5: try fields.number("p5"),
            median: try fields.number("median"), p95: try fields.number("p95"), steps: try fields.whole("steps"))
    }
}

extension TaskUsageView.Step {
    fileprivate init(_ fields: JSONFields) throws(JSONError) {
        order = try fields.text("order")
        index = try fields.whole("step")
        startedAt = try fields.time("startedAt")
        finishedAt = try fields.time("finishedAt")
        totals = try RunTotals(fields: fields.object("usage"))
        let differences = try fields.object("difference")
        difference = [:]
        for quantity in TaskUsage.Quantity.allCases {
            difference[quantity] = try differences.numberIfPresent(quantity.rawValue)
        }
    }
}

// MARK: Tables

extension TaskUsageView {
    /// What to expect of a step.
    var expectedTable: Table {
        var table = Table([
            ("", .left), ("min", .right), ("median", .right), ("p95", .right), ("max", .right), ("steps", .right),
        ])
        for quantity in TaskUsage.Quantity.allCases {
            guard let spread = expected[quantity] else {
                table.add([quantity.title] + Array(repeating: Wording.unknown, count: 4) + ["0"])
                continue
            }
            table.add(
                [quantity.title]
                    + [spread.minimum, spread.median, spread.p95, spread.maximum].map(quantity.text)
                    + ["\(spread.count)"])
        }
        return table
    }

    /// Each step, with how far it is from the median step.
    func stepsTable(limit: Int) -> Table {
        let quantities = TaskUsage.Quantity.allCases
        var table = Table([("order", .left), ("step", .right)] + quantities.map { ($0.title, .right) })
        for step in steps.prefix(limit) {
            table.add(
                [step.order, "\(step.index)"]
                    + quantities.map { quantity in
                        guard let value = quantity.value(of: step.totals) else { return Wording.unknown }
                        return "\(quantity.text(value)) \(share(step.difference[quantity], quantity))"
                    })
        }
        return table
    }

    /// A difference as a share of the median: `+12 %`.
    private func share(_ difference: Double?, _ quantity: TaskUsage.Quantity) -> String {
        guard let difference, let median = expected[quantity]?.median, median > 0 else { return "" }
        let percent = Wording.decimal(difference / median * 100, 0)
        return "(\(percent.hasPrefix("-") || percent == "0" ? "" : "+")\(percent) %)"
    }

    var csv: [String] {
        let quantities = TaskUsage.Quantity.allCases
        let header =
            ["task", "order", "step", "startedAt", "finishedAt"] + quantities.map(\.rawValue)
            + quantities.map { "\($0.rawValue)Difference" }
        return [header.joined(separator: ",")]
            + steps.map { step in
                let values = quantities.map { $0.value(of: step.totals) } + quantities.map { step.difference[$0] }
                return
                    ([task, step.order, "\(step.index)", "\(step.startedAt)", "\(step.finishedAt)"]
                    + values.map { $0.map { "\($0)" } ?? "" }).joined(separator: ",")
            }
    }
}

extension TaskUsage.Quantity {
    var title: String {
        switch self {
        case .waitingSeconds: "waited"
        case .durationSeconds: "ran"
        case .cpuSeconds: "CPU"
        case .peakRAMBytes: "peak RAM"
        case .diskReadBytes: "read"
        case .diskWrittenBytes: "written"
        }
    }

    func text(_ value: Double) -> String {
        switch self {
        case .waitingSeconds, .durationSeconds, .cpuSeconds: Wording.seconds(.seconds(fraction: value))
        case .peakRAMBytes, .diskReadBytes, .diskWrittenBytes: Wording.bytes(Wording.whole(value))
        }
    }
}
