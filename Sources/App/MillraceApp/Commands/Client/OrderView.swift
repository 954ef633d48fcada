import MillraceCore

/// An order as the service shows it.
struct OrderView: Hashable, Sendable {
    struct Step: Hashable, Sendable {
        var task: String
        var state: StepState
        var attempt: Int
        var startedAt: Timestamp?
        var finishedAt: Timestamp?
        /// The URL path of what it put out.
        var output: String?
        var instance: String?
        var reason: String?
        var usage: RunTotals

        var took: Duration? { Duration.between(startedAt, finishedAt) }
    }

    var id: OrderID
    var state: OrderState
    var reason: String?
    var image: String
    var submittedAt: Timestamp
    var startedAt: Timestamp?
    var finishedAt: Timestamp?
    var steps: [Step]
    /// As the service wrote it: what `-o json` prints, with fields that this version may not know.
    var json: [UInt8]

    var jsonText: String { String(decoding: json, as: UTF8.self) }
    /// From the submission on.
    var took: Duration? { Duration.between(submittedAt, finishedAt) }
    var hasFailed: Bool { state == .failed || state == .cancelled }
}

extension Duration {
    /// nil where one of them is not known.
    static func between(_ start: Timestamp?, _ end: Timestamp?) -> Duration? {
        guard let start, let end else { return nil }
        return end - start
    }
}

// MARK: Reading

extension OrderView {
    init(json: [UInt8]) throws(JSONError) {
        let fields = try JSONFields(JSONValue(parsing: json))
        let id = try fields.text("id")
        do throws(InvalidValue) { self.id = try OrderID(id) } catch { throw JSONError(path: "id", error.problem) }
        state = try fields.choice("state")
        reason = try fields.textIfPresent("reason")
        image = try fields.text("image")
        submittedAt = try fields.time("submittedAt")
        startedAt = try fields.timeIfPresent("startedAt")
        finishedAt = try fields.timeIfPresent("finishedAt")
        steps = []
        for step in try fields.objects("steps") { steps.append(try Step(fields: step)) }
        self.json = json
    }
}

extension OrderView.Step {
    fileprivate init(fields: JSONFields) throws(JSONError) {
        task = try fields.text("task")
        state = try fields.choice("state")
        attempt = try fields.whole("attempt")
        startedAt = try fields.timeIfPresent("startedAt")
        finishedAt = try fields.timeIfPresent("finishedAt")
        output = try fields.textIfPresent("output")
        instance = try fields.textIfPresent("instance")
        reason = try fields.textIfPresent("reason")
        usage = try fields.objectIfPresent("usage").map(RunTotals.init(fields:)) ?? RunTotals()
    }
}

extension RunTotals {
    init(fields: JSONFields) throws(JSONError) {
        func duration(_ key: String) throws(JSONError) -> Duration? {
            try fields.numberIfPresent(key).map { .seconds(fraction: $0) }
        }
        self.init(
            cpu: try duration("cpuSeconds"), peakRAM: try fields.wholeIfPresent("peakRAMBytes"),
            diskRead: try fields.wholeIfPresent("diskReadBytes"),
            diskWritten: try fields.wholeIfPresent("diskWrittenBytes"), waiting: try duration("waitingSeconds"),
            running: try duration("runningSeconds"))
    }
}

/// A listing.
struct OrderPage {
    var orders: [OrderView] = []
    /// The cursor of the next page; nil on the last.
    var next: String?

    init(json: [UInt8]) throws(JSONError) {
        var documents: [[UInt8]] = []
        var next: String?
        try JSONReader.read(json) { (reader) throws(JSONError) in
            try reader.object { (reader, key) throws(JSONError) in
                switch key {
                case "orders":
                    try reader.array { (reader) throws(JSONError) in documents.append(try reader.rawValue()) }
                case "next": next = try reader.null() ? nil : reader.string()
                default: try reader.skipValue()
                }
            }
        }
        for document in documents { orders.append(try OrderView(json: document)) }
        self.next = next
    }

    /// What a submission is answered with: one document, or an array of them.
    static func submitted(json: [UInt8]) throws(JSONError) -> [OrderView] {
        var documents: [[UInt8]] = []
        try JSONReader.read(json) { (reader) throws(JSONError) in
            guard reader.nextIsArray() else { return documents.append(try reader.rawValue()) }
            try reader.array { (reader) throws(JSONError) in documents.append(try reader.rawValue()) }
        }
        var orders: [OrderView] = []
        for document in documents { orders.append(try OrderView(json: document)) }
        return orders
    }
}
