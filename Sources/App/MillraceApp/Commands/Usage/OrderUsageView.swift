import MillraceCore

/// An order's usage as the service shows it.
struct OrderUsageView: Sendable {
    struct Step: Sendable {
        var index: Int
        var task: String
        var state: StepState
        var startedAt: Timestamp?
        var finishedAt: Timestamp?
        var totals: RunTotals
    }

    var order: String
    var state: OrderState
    var submittedAt: Timestamp
    var startedAt: Timestamp?
    var finishedAt: Timestamp?
    var steps: [Step]
    var samples: [UsageSampleView]
    /// As the service wrote it: what `-o json` prints.
    var json: [UInt8]

    init(json: [UInt8]) throws(JSONError) {
        let fields = try JSONFields(JSONValue(parsing: json))
        order = try fields.text("order")
        state = try fields.choice("state")
        submittedAt = try fields.time("submittedAt")
        startedAt = try fields.timeIfPresent("startedAt")
        finishedAt = try fields.timeIfPresent("finishedAt")
        steps = []
        for step in try fields.objects("steps") {
            steps.append(
                Step(
                    index: try step.whole("step"), task: try step.text("task"), state: try step.choice("state"),
                    startedAt: try step.timeIfPresent("startedAt"), finishedAt: try step.timeIfPresent("finishedAt"),
                    totals: try step.objectIfPresent("usage").map(RunTotals.init(fields:)) ?? RunTotals()))
        }
        samples = []
        for sample in try fields.objects("samples") { samples.append(try UsageSampleView(fields: sample)) }
        self.json = json
    }

    /// Its steps with their totals.
    var totalsTable: Table {
        var table = Table([
            ("step", .right), ("task", .left), ("state", .left), ("waited", .right), ("ran", .right), ("CPU", .right),
            ("peak RAM", .right), ("read", .right), ("written", .right),
        ])
        for step in steps {
            table.add(["\(step.index)", step.task, step.state.rawValue] + Wording.cells(step.totals))
        }
        if steps.count > 1 { table.add(["", "all", ""] + Wording.cells(steps.map(\.totals).total)) }
        return table
    }

    /// A line for each moment at which a step was sampled.
    var samplesTable: Table {
        var table = Table([
            ("second", .right), ("step", .right), ("task", .left), ("over", .right), ("CPU", .right), ("RAM", .right),
            ("DISK", .right),
        ])
        for row in rows {
            let values = row.values
            table.add([
                Wording.decimal((row.at - (startedAt ?? submittedAt)).inSeconds, 3), "\(row.step)", row.task,
                Wording.seconds(.seconds(fraction: row.seconds)),
                values[.cpu].map { Wording.decimal($0, 3) + " cores" } ?? Wording.unknown,
                Wording.bytes(values[.ram].map(Wording.whole)),
                values[.disk].map { Wording.bytes(Wording.whole($0)) + "/s" } ?? Wording.unknown,
            ])
        }
        return table
    }

    private struct Row {
        var step: Int
        var task: String
        var at: Timestamp
        var seconds: Double
        var values: [Resource: Double]
    }

    private var rows: [Row] {
        struct Key: Hashable {
            var at: Timestamp
            var step: Int
        }
        var rows: [Key: Row] = [:]
        for sample in samples {
            let key = Key(at: sample.at, step: sample.step)
            rows[
                key,
                default: Row(
                    step: sample.step, task: sample.task, at: sample.at, seconds: sample.seconds, values: [:])
            ].values[sample.resource] = sample.value
        }
        return rows.values.sorted { ($0.at, $0.step) < ($1.at, $1.step) }
    }

    var csv: [String] {
        ["order," + UsageSampleView.csvHeader] + samples.map { "\(order),\($0.csv)" }
    }
}

/// One sample of one resource of one step.
struct UsageSampleView: Hashable, Sendable {
    /// Where samples of several orders are told together.
    var order: String?
    var step: Int
    var task: String
    var resource: Resource
    /// The end of the interval that it stands for.
    var at: Timestamp
    /// Seconds from the step's start to that.
    var second: Double?
    /// The interval's length.
    var seconds: Double
    var value: Double
    var low: Double
    var high: Double

    init(fields: JSONFields) throws(JSONError) {
        order = try fields.textIfPresent("order")
        step = try fields.whole("step")
        task = try fields.text("task")
        guard let resource = Resource(name: try fields.text("resource")) else {
            throw JSONError(path: "resource", "is not known to this version")
        }
        self.resource = resource
        at = try fields.time("at")
        second = try fields.numberIfPresent("second")
        seconds = try fields.number("seconds")
        value = try fields.number("value")
        low = try fields.numberIfPresent("low") ?? value
        high = try fields.numberIfPresent("high") ?? value
    }

    static let csvHeader = "step,task,resource,unit,at,second,seconds,value,low,high"

    /// Names need no quotes: neither orders' ids nor tasks' names can have a comma.
    var csv: String {
        let second = second.map { "\($0)" } ?? ""
        return "\(step),\(task),\(resource.name),\(resource.unit),\(at),\(second),\(seconds),\(value),\(low),\(high)"
    }
}

extension [RunTotals] {
    /// What all of them consumed; of the peaks, the largest. What is not known of one is not known of all.
    var total: RunTotals {
        func sum<Value: AdditiveArithmetic>(_ values: [Value?]) -> Value? {
            values.reduce(Value?.some(.zero)) { sum, value in
                guard let sum, let value else { return nil }
                return sum + value
            }
        }
        return RunTotals(
            cpu: sum(map(\.cpu)), peakRAM: compactMap(\.peakRAM).max(), diskRead: sum(map(\.diskRead)),
            diskWritten: sum(map(\.diskWritten)), waiting: sum(map(\.waiting)), running: sum(map(\.running)))
    }
}

extension Wording {
    /// Waited, ran, CPU, peak RAM, read, written.
    static func cells(_ totals: RunTotals) -> [String] {
        [
            seconds(totals.waiting), seconds(totals.running), seconds(totals.cpu), bytes(totals.peakRAM),
            bytes(totals.diskRead), bytes(totals.diskWritten),
        ]
    }

    /// So many decimals.
    static func decimal(_ value: Double, _ places: Int) -> String {
        var scale = 1
        for _ in 0..<places { scale *= 10 }
        let scaled = whole((value * Double(scale)).magnitude.rounded())
        let rest = String(scaled % scale)
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard places > 0 else { return "\(sign)\(scaled)" }
        return "\(sign)\(scaled / scale).\(String(repeating: "0", count: places - rest.count))\(rest)"
    }

    /// The nearest whole number, within what one can hold.
    static func whole(_ value: Double) -> Int {
        value.isNaN ? 0 : Int(min(max(value.rounded(), -9e15), 9e15))
    }
}
