import MillraceCore

/// What a task has consumed over all its runs: against the time since a step's start, and how whole runs are
/// distributed.
struct TaskFigure: Sendable {
    var title: String
    /// So many runs stand behind the band.
    var runs: Int
    /// Seconds are since the step's start.
    var band: [Resource: [BandPoint]]
    /// A few single runs, as examples; seconds are since the step's start.
    var examples: [[Resource: [CurvePoint]]]
    /// At most four are drawn.
    var distributions: [RunDistribution]

    init(
        title: String, runs: Int, band: [Resource: [BandPoint]], examples: [[Resource: [CurvePoint]]] = [],
        distributions: [RunDistribution] = []
    ) {
        self.title = title
        self.runs = runs
        self.band = band
        self.examples = examples
        self.distributions = distributions
    }
}

/// One quantity of whole runs, a value for each run.
struct RunDistribution: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        /// In seconds.
        case duration
        /// In core seconds.
        case cpuTime
        /// In bytes.
        case peakRAM
        /// Read and written, in bytes.
        case disk
    }

    var kind: Kind
    /// In the kind's unit, in any order. What is not finite is left out.
    var values: [Double]

    init(_ kind: Kind, _ values: [Double]) {
        self.kind = kind
        self.values = values
    }
}

extension RunDistribution.Kind {
    var name: String {
        switch self {
        case .duration: "duration"
        case .cpuTime: "CPU time"
        case .peakRAM: "peak RAM"
        case .disk: "disk I/O"
        }
    }

    func unit(maximum: Double) -> PlotUnit {
        switch self {
        case .duration: .time(maximum)
        case .cpuTime:
            // As seconds of the clock are, to be compared with them.
            PlotUnit(name: "core·\(PlotUnit.time(maximum).name)", divisor: PlotUnit.time(maximum).divisor)
        case .peakRAM: .ram(maximum)
        case .disk: .amount(maximum)
        }
    }
}

extension TaskFigure: PlotFigure {
    func script(_ format: PlotFormat, output: String) -> GnuplotScript {
        TaskLayout(self).script(format, output: output)
    }
}
