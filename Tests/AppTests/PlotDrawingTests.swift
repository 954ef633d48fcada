import Foundation
import MillraceCore
import MillraceTesting
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

@testable import MillraceApp

/// These run gnuplot: without it they fail, and say what to install.
@Suite(.timeLimit(.minutes(1))) struct PlotDrawingTests {
    static let figures: [any PlotFigure] = [usage, UsageFigure(title: "", orders: []), task, alike, scaling, noTasks]

    private static let usage: UsageFigure = {
        func curve(_ name: String, _ scale: Double) -> OrderCurve {
            let values: [Double?] = [0, scale, nil, scale * 2, .nan, scale / 3, 0]
            let points = values.enumerated().map {
                CurvePoint(second: Double($0 + 1), seconds: 1, value: $1, low: 0, high: $1.map { $0 * 2 })
            }
            let steps = (0..<7).map { StepSpan(task: "task-\($0)", from: Double($0), to: Double($0) + 0.9) }
            return OrderCurve(name: name, points: [.cpu: points, .ram: points], steps: steps)
        }
        let band = [BandPoint(second: 1, seconds: 1, low: 1, median: 2, high: 3)]
        return UsageFigure(
            title: "it's <b> & `touch x`\n\u{0} \\ {/Bold no} 100 %",
            orders: [curve("a_b.c", 1), curve("tiny", 1e-300), curve("huge", 1e300)],
            band: [.cpu: band, .ram: band, .disk: [BandPoint(second: 1, seconds: 1, low: nil, high: 3)]])
    }()

    private static let task = TaskFigure(
        title: "blur", runs: 2, band: usage.band, examples: [usage.orders[0].points],
        distributions: [
            RunDistribution(.duration, [0.1, 0.2, 0.4]), RunDistribution(.peakRAM, [1e9]), RunDistribution(.disk, [0]),
            RunDistribution(.cpuTime, []),
        ])
    /// Many steps that differ by less than their numbers show.
    private static let alike = TaskFigure(
        title: "", runs: 2, band: [:], distributions: [RunDistribution(.peakRAM, [7_449_165_824, 7_449_166_336])])

    private static let scaling = ScalingFigure(
        title: "tasks",
        tasks: [
            TaskScaling(
                task: "blur",
                demand: [.init(at: Timestamp(microseconds: 5), running: 1, waiting: 2, upcoming: 3)],
                replicas: [.init(at: Timestamp(microseconds: 7), desired: 1)]),
            TaskScaling(task: "idle", demand: [], replicas: []),
            TaskScaling(
                task: "absurd",
                demand: [.init(at: Timestamp(microseconds: 0), running: .max, waiting: .max, upcoming: .min)],
                replicas: [.init(at: Timestamp(microseconds: 9), desired: .max)]),
        ])
    private static let noTasks = ScalingFigure(title: "", tasks: [])

    @Test(arguments: figures.indices)
    func `gnuplot makes a well-formed picture and has nothing to remark`(index: Int) async throws {
        try await withTemporaryFolder { folder in
            let figure = Self.figures[index]
            let (svg, png) = ("\(folder)/it's_a.svg", "\(folder)/it's_a.png")
            #expect(try await Self.remarks(figure, to: svg, folder) == "")
            #expect(XMLParser(data: try Data(contentsOf: URL(fileURLWithPath: svg))).parse())
            #expect(try await Self.remarks(figure, to: png, folder) == "")
            let header = try Data(contentsOf: URL(fileURLWithPath: png)).prefix(24)
            let width = header[16..<20].reduce(0) { $0 << 8 | Int($1) }
            #expect(width == 2 * Int(figure.script(.png, output: "").size.width))
            #expect(try Self.names(folder) == ["it's_a.png", "it's_a.svg"])
        }
    }

    private static func remarks(
        _ figure: some PlotFigure, to path: String, _ folder: String, program: String = "gnuplot"
    ) async throws -> String {
        var gnuplot = Gnuplot(program: program)
        gnuplot.environment["TMPDIR"] = folder
        return try await gnuplot.remarks(drawing: figure, to: path)
    }

    private static func names(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    @Test(arguments: [
        ("/nowhere/gnuplot", "gnuplot is not installed: apt-get install gnuplot-nox"),
        ("gnuplot-that-nobody-has", "gnuplot is not installed: apt-get install gnuplot-nox"),
        ("/bin/false", "gnuplot exited with status 1 while drawing ‘PATH’"),
        ("/bin/true", "gnuplot did not finish ‘PATH’: is the disk full?"),
    ])
    func `a picture that cannot be drawn leaves the old one as it was`(program: String, text: String) async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/a.svg"
            try Data("old".utf8).write(to: URL(fileURLWithPath: path))
            let error = await #expect(throws: PlotError.self) {
                _ = try await Self.remarks(Self.noTasks, to: path, folder, program: program)
            }
            #expect(error?.description == text.replacingOccurrences(of: "PATH", with: path))
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("old".utf8))
            #expect(try Self.names(folder) == ["a.svg"])
        }
    }

    @Test func `a relative path that looks like a command is a path`() async throws {
        // gnuplot would start what stands behind a bar.
        let error = await #expect(throws: PlotError.self) {
            try await Gnuplot().draw(Self.noTasks, to: "| exit 1/a.svg")
        }
        #expect(error?.description.hasPrefix("the folder of the picture ‘| exit 1/a.svg’ is not there") == true)
        let script = Self.noTasks.script(.svg, output: Gnuplot.split("| exit 1/a.svg").folder + "/b.svg").text
        #expect(script.contains("set output './| exit 1/b.svg'"))
    }

    @Test func `what gnuplot complains of is told`() async throws {
        try await withTemporaryFolder { folder in
            // A shell does not know gnuplot's options, and says so.
            let error = await #expect(throws: PlotError.self) {
                try await Gnuplot(program: "/bin/sh").draw(Self.noTasks, to: folder + "/a.png")
            }
            let text = error?.description ?? ""
            #expect(text.hasPrefix("gnuplot exited with status 2 while drawing ‘\(folder)/a.png’: "))
            #expect(text.contains("option"))
        }
    }

    @Test func `a folder that is not there, is none, or takes no file, is told`() async throws {
        try await withTemporaryFolder { folder in
            let absent = await #expect(throws: PlotError.self) {
                try await Gnuplot().draw(Self.noTasks, to: folder + "/b/a.svg")
            }
            #expect(
                absent?.description
                    == "the folder of the picture ‘\(folder)/b/a.svg’ is not there: mkdir -p ‘\(folder)/b’")
            try Data().write(to: URL(fileURLWithPath: folder + "/file"))
            let file = await #expect(throws: PlotError.self) {
                try await Gnuplot().draw(Self.noTasks, to: folder + "/file/a.svg")
            }
            #expect(file?.description.hasSuffix("is not a folder") == true)
            // Nobody can make files there, root included.
            let closed = await #expect(throws: PlotError.self) {
                try await Gnuplot().draw(Self.noTasks, to: "/proc/self/fd/a.svg")
            }
            #expect(closed?.description == "the picture's folder ‘/proc/self/fd’ cannot be written to")
        }
    }
}
