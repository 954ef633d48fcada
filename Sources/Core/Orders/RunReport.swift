/// What a run of a step consumed, from kernel counters at its start and its end. A counter that could not be read is
/// nil, never zero.
public struct RunTotals: Hashable, Sendable {
    /// User and system time, of its processes that have ended too.
    public var cpu: Duration?
    /// The largest resident size of a process of the run, in bytes.
    public var peakRAM: Int?
    /// Bytes fetched from, and sent to, the disk layer.
    public var diskRead: Int?
    public var diskWritten: Int?
    /// From when the step could have run (the order's start, or the end of the step before) to the run's start.
    public var waiting: Duration?
    /// From the run's start to its end, by a clock that nobody sets.
    public var running: Duration?

    public init(
        cpu: Duration? = nil, peakRAM: Int? = nil, diskRead: Int? = nil, diskWritten: Int? = nil,
        waiting: Duration? = nil, running: Duration? = nil
    ) {
        self.cpu = cpu
        self.peakRAM = peakRAM
        self.diskRead = diskRead
        self.diskWritten = diskWritten
        self.waiting = waiting
        self.running = running
    }
}

/// How a step ended.
public enum StepOutcome: Hashable, Sendable {
    /// With the picture that the next step takes.
    case finished(output: ImageReference)
    /// With the reason, for people.
    case failed(reason: String)
}

/// The whole account of one run of a step: what a worker keeps beside the output and reports, each time alike.
public struct RunReport: Hashable, Sendable {
    public var run: RunID
    /// From 1; a retry in place is the next attempt of the same run.
    public var attempt: Int
    public var outcome: StepOutcome
    public var startedAt: Timestamp
    public var finishedAt: Timestamp
    public var totals: RunTotals
    /// The replica that ran it.
    public var instance: String

    public init(
        run: RunID, attempt: Int, outcome: StepOutcome, startedAt: Timestamp, finishedAt: Timestamp,
        totals: RunTotals, instance: String
    ) {
        self.run = run
        self.attempt = attempt
        self.outcome = outcome
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.totals = totals
        self.instance = instance
    }
}

// MARK: JSON

extension RunTotals {
    func writeFields(to writer: inout JSONWriter) {
        writer.field("cpuSeconds", ifPresent: cpu?.inSeconds)
        writer.field("peakRAMBytes", ifPresent: peakRAM)
        writer.field("diskReadBytes", ifPresent: diskRead)
        writer.field("diskWrittenBytes", ifPresent: diskWritten)
        writer.field("waitingSeconds", ifPresent: waiting?.inSeconds)
        writer.field("runningSeconds", ifPresent: running?.inSeconds)
    }

    /// Reads `key` if it is one of these, null where it is not known; false if it is none.
    public mutating func readField(_ key: String, from reader: inout JSONReader) throws(JSONError) -> Bool {
        switch key {
        case "cpuSeconds": cpu = try reader.null() ? nil : .seconds(fraction: reader.double())
        case "peakRAMBytes": peakRAM = try reader.null() ? nil : reader.bytes()
        case "diskReadBytes": diskRead = try reader.null() ? nil : reader.bytes()
        case "diskWrittenBytes": diskWritten = try reader.null() ? nil : reader.bytes()
        case "waitingSeconds": waiting = try reader.null() ? nil : .seconds(fraction: reader.double())
        case "runningSeconds": running = try reader.null() ? nil : .seconds(fraction: reader.double())
        default: return false
        }
        return true
    }
}

extension JSONWriter {
    /// What a run consumed as users see it: every field is there, null where it is not known.
    public mutating func totals(_ totals: RunTotals) {
        beginObject()
        fields(of: totals)
        endObject()
    }

    /// The same, in an object that the caller has opened.
    public mutating func fields(of totals: RunTotals) {
        field("cpuSeconds", orNull: (totals.cpu?.inSeconds).map { .number($0) })
        field("peakRAMBytes", orNull: totals.peakRAM.map { .integer($0) })
        field("diskReadBytes", orNull: totals.diskRead.map { .integer($0) })
        field("diskWrittenBytes", orNull: totals.diskWritten.map { .integer($0) })
        field("waitingSeconds", orNull: (totals.waiting?.inSeconds).map { .number($0) })
        field("runningSeconds", orNull: (totals.running?.inSeconds).map { .number($0) })
    }
}

extension JSONReader {
    /// An amount of which some can be added up without overflow.
    fileprivate mutating func bytes() throws(JSONError) -> Int {
        let value = try integer()
        guard (0...KernelText.largest).contains(value) else { throw JSONError("must be from 0 to 2 to the 60th") }
        return value
    }
}

extension RunReport {
    /// Its fields, in an object that the caller has opened: messages add their own.
    public func writeFields(to writer: inout JSONWriter) {
        writer.field("run", run.text)
        writer.field("attempt", attempt)
        switch outcome {
        case .finished(let output): writer.field("output", output.description)
        case .failed(let reason): writer.field("reason", reason)
        }
        writer.field("startedAt", startedAt)
        writer.field("finishedAt", finishedAt)
        totals.writeFields(to: &writer)
        writer.field("instance", instance)
    }

    public var encoded: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writeFields(to: &writer)
        writer.endObject()
        return writer.bytes
    }

    public init(parsing bytes: [UInt8]) throws(JSONError) {
        var fields = Fields()
        try JSONReader.read(bytes) { (reader) throws(JSONError) in
            try reader.object { (reader, key) throws(JSONError) in
                if try !fields.read(key, from: &reader) { try reader.skipValue() }
            }
        }
        self = try fields.report()
    }

    /// A report's fields as they are read, in any order.
    struct Fields {
        private var run: RunID?
        private var attempt = 1
        private var output: ImageReference?
        private var reason: String?
        private var startedAt: Timestamp?
        private var finishedAt: Timestamp?
        private var totals = RunTotals()
        private var instance = ""

        mutating func read(_ key: String, from reader: inout JSONReader) throws(JSONError) -> Bool {
            switch key {
            case "run": run = try reader.runID()
            case "attempt": attempt = try reader.integer()
            case "output": output = try reader.imageReference()
            case "reason": reason = try reader.string()
            case "startedAt": startedAt = try reader.timestamp()
            case "finishedAt": finishedAt = try reader.timestamp()
            case "instance": instance = try reader.string()
            default: return try totals.readField(key, from: &reader)
            }
            return true
        }

        func report() throws(JSONError) -> RunReport {
            let outcome: StepOutcome
            if let output {
                outcome = .finished(output: output)
            } else {
                outcome = .failed(reason: try reason.orMissing("output"))
            }
            return RunReport(
                run: try run.orMissing("run"), attempt: attempt, outcome: outcome,
                startedAt: try startedAt.orMissing("startedAt"), finishedAt: try finishedAt.orMissing("finishedAt"),
                totals: totals, instance: instance)
        }
    }
}

extension Optional {
    /// The value, or an error that says which field is missing.
    func orMissing(_ field: String) throws(JSONError) -> Wrapped {
        guard let self else { throw JSONError(path: field, "is missing") }
        return self
    }
}
