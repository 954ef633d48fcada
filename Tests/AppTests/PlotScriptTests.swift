import MillraceCore
import Testing

@testable import MillraceApp

struct PlotScriptTests {
    @Test(arguments: [
        ("order_1.a-b", "'order_1.a-b'"), ("it's", "'it''s'"),
        ("`touch x` \\n @a $b \"c\"", "'`touch x` \\n @a $b \"c\"'"),
        ("first\nsecond\u{7}", "'first second '"), ("p5–p95", "'p5–p95'"),
    ])
    func `a text is taken literally and stays on its line`(text: String, quoted: String) {
        #expect(GnuplotScript.quoted(text) == quoted)
    }

    @Test(arguments: [
        (0.1 + 0.2, "0.3"), (0, "0"), (-2, "-2"), (1e-7, "1e-07"), (1_234_567_890, "1234568000.0"), (.nan, "NaN"),
    ])
    func `numbers have no rounding noise`(value: Double, text: String) throws {
        let written = GnuplotScript.number(value)
        if value.isNaN { #expect(written == text) } else { #expect(Double(written) == Double(text)) }
        #expect(written.utf8.count <= 12)
    }

    @Test func `the file's ending tells what it is, and another is refused by name`() throws {
        #expect(try PlotFormat(path: "a/b.svg") == .svg)
        #expect(try PlotFormat(path: "b.v2.PNG") == .png)
        for path in ["a.pdf", "svg", "a.svg/b", "a.svg/", ""] {
            let error = #expect(throws: PlotError.self) { try PlotFormat(path: path) }
            #expect(error?.description == "a picture's name must end with .svg or .png: ‘\(path)’")
        }
    }

    private static func figure(_ values: [Double?]) -> UsageFigure {
        let points = values.enumerated().map { CurvePoint(second: Double($0 + 1), seconds: 1, value: $1) }
        return UsageFigure(
            title: "one", orders: [OrderCurve(name: "order_1", points: [.cpu: points, .ram: [], .disk: []])])
    }

    @Test func `the same figure is the same script, with its data in it`() {
        let script = Self.figure([1, nil, 3]).script(.svg, output: "/a/it's.svg").text
        #expect(script == Self.figure([1, nil, 3]).script(.svg, output: "/a/it's.svg").text)
        #expect(script.contains("set output '/a/it''s.svg'\n"))
        #expect(script.contains("<< EOD\n0 1\n1 1\n\n2 3\n3 3\nEOD\n"))
        #expect(script.contains("set terminal svg noenhanced"))
        #expect(script.contains("'no readings'"))
    }

    @Test func `a PNG has two pixels for each of the picture's`() {
        let size = PlotSize(width: 700, height: 400)
        #expect(PlotFormat.png.terminal(size).contains("pngcairo noenhanced rounded size 1400,800"))
        #expect(PlotFormat.svg.terminal(size).contains("size 700,400"))
    }

    @Test func `desired replicas hold until the next decision`() {
        let replicas = [(0, 1), (1, 3), (3, 2)].map { (second: Int64, desired) in
            TaskScaling.ReplicaPoint(at: Timestamp(microseconds: second * 1_000_000), desired: desired)
        }
        let task = TaskScaling(task: "blur", demand: [], replicas: replicas)
        let script = ScalingFigure(title: "", tasks: [task]).script(.svg, output: "a.svg").text
        #expect(script.contains("<< EOD\n0 1\n1 1\n1 3\n3 3\n3 2\n3 2\nEOD\n"))
    }

    @Test func `a long name keeps its ends`() {
        let name = String(repeating: "m", count: 128) + "-7"
        let short = PlotStyle.shortened(name, font: 10, width: 300)
        #expect(short.hasPrefix("mmm") && short.contains("…") && short.hasSuffix("m-7"))
        #expect(PlotStyle.width(short, font: 10) <= 300)
        #expect(PlotStyle.shortened("short", font: 10, width: 300) == "short")
    }

    @Test func `a long title goes on in another line`() {
        #expect(PlotHeader.wrapped("short", width: 300) == ["short"])
        let lines = PlotHeader.wrapped("several words that do not fit", width: 100)
        #expect(lines.joined(separator: " ") == "several words that do not fit")
        let word = String(repeating: "m", count: 60)
        #expect(PlotHeader.wrapped(word, width: 100).joined() == word)
        for line in lines + PlotHeader.wrapped(word, width: 100) {
            #expect(PlotStyle.width(line, font: PlotStyle.titleSize) <= 100)
        }
    }
}

struct PlotAxisTests {
    @Test(arguments: [
        (Resource.cpu, 3, "cores"), (.cpu, 0, "cores"), (.cpu, 0.002, "millicores"), (.ram, 1000, "KiB"),
        (.ram, 52e6, "MiB"), (.ram, 3e9, "GiB"), (.ram, 5e12, "TiB"), (.disk, 0, "B/s"), (.disk, 999, "B/s"),
        (.disk, 1000, "kB/s"), (.disk, 4e6, "MB/s"), (.disk, 2e9, "GB/s"), (.disk, 1e30, "TB/s"),
    ])
    func `a unit fits the largest value`(resource: Resource, maximum: Double, name: String) {
        #expect(PlotUnit.of(resource, maximum: maximum).name == name)
    }

    @Test(arguments: [(0.3, "ms"), (1.999, "ms"), (2, "s"), (299, "s"), (300, "min"), (20_000, "h"), (1e6, "days")])
    func `time has the unit that fits its length`(span: Double, name: String) {
        #expect(PlotUnit.time(span).name == name)
    }

    @Test(arguments: [
        (8.3, "0 2 4 6 8 10"), (0.12, "0 0.05 0.10 0.15"), (0, "0 1"),
        (2_000_000, "0 500000 1000000 1500000 2000000 2500000"),
    ])
    func `an axis from zero ends above the largest value, at a tick`(maximum: Double, labels: String) throws {
        let axis = PlotAxis.fromZero(to: maximum, count: 4)
        #expect(axis.ticks.map(\.label).joined(separator: " ") == labels)
        #expect(axis.upper > maximum && axis.lower < 0)
        #expect(try #require(axis.ticks.last).at == axis.upper)
    }

    @Test func `things are counted in whole numbers`() {
        #expect(PlotAxis.fromZero(to: 1, count: 3, isWhole: true).ticks.map(\.label) == ["0", "1", "2"])
    }

    @Test(arguments: [1e-300, 1e-9, 1, 1e9, 1e300, .infinity, .nan, -1])
    func `no value is too odd for an axis`(maximum: Double) {
        let axis = PlotAxis.fromZero(to: maximum, count: 4)
        #expect(axis.upper > axis.lower && (2...8).contains(axis.ticks.count))
    }

    @Test func `hours and minutes are not counted in tens of thousands of seconds`() {
        #expect(
            PlotUnit.time(1700).axis(span: 1700, count: 8).ticks.map(\.label) == ["0", "5", "10", "15", "20", "25"])
        #expect(PlotUnit.time(70_000).axis(span: 70_000, count: 8).ticks.map(\.label).prefix(3) == ["0", "3", "6"])
    }

    @Test func `moments are in UTC, at round times`() throws {
        let from = try #require(Timestamp(parsing: "2025-03-02T23:58:03.5Z"))
        let clock = ClockAxis(from: from, until: from + .seconds(180))
        let ticks = clock.axis(count: 9).ticks
        #expect(ticks.map(\.label).prefix(2) == ["23:58:30", "23:59:00"])
        #expect(ticks.first?.at == 26.5)
        #expect(clock.name == "UTC, 2025-03-02 to 2025-03-03")
        let short = ClockAxis(from: from, until: from + .milliseconds(400))
        #expect(short.axis(count: 9).ticks.map(\.label).prefix(2) == ["23:58:03.50", "23:58:03.55"])
        #expect(short.name == "UTC, 2025-03-02")
        let long = ClockAxis(from: from, until: from + .seconds(432_000))
        #expect(long.axis(count: 9).ticks.first?.label == "03-03 00:00")
        #expect(ClockAxis(from: from, until: from).length == 1)
        #expect(ClockAxis(from: from, until: Timestamp(microseconds: .max)).axis(count: 9).ticks.count <= 9)
    }
}
