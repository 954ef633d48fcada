import MillraceTesting
import Platform
import Testing

/// What we say of a command's consumption, beside what others say of it: each comparison is printed. This process has
/// grown to more than 100 MB before.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ConsumptionTests {
    private static let ballast = [UInt8](repeating: 1, count: 100 << 20)

    init() throws {
        try MeasuredCommand.requireTools()
        try expect(Self.ballast.last == 1, "there is no ballast")
    }

    private static func isClose(_ one: Int, _ other: Int) -> Bool {
        abs(one - other) <= max(other / 100, 256 << 10)
    }

    private static func isClose(_ one: Duration, _ other: Duration, resolution: Duration = .zero) -> Bool {
        let difference = one > other ? one - other : other - one
        return difference <= max(other / 100, .milliseconds(2)) + resolution
    }

    private static func say(_ what: String, _ command: MeasuredCommand, ours: String, _ theirs: String) {
        print("measured: \(what) of ‘\(command.name)’: ours \(ours), \(theirs)")
    }

    /// The kernel's own count moves by some hundred KiB from run to run, for us as for others: hence medians.
    private static func median(_ values: [Int]) -> Int { values.sorted()[values.count / 2] }

    @Test("peak RAM is what time says of the same command", arguments: MeasuredCommand.all)
    func peak(_ command: MeasuredCommand) async throws {
        var ours: [Int] = []
        var theirs: [Int] = []
        for _ in 0..<7 {
            ours.append(try #require(try await command.measured().peakRAM))
            theirs.append(try await command.measuredByTime().time.peakRAM)
        }
        func kib(_ values: [Int]) -> String {
            "\(Self.median(values) >> 10) KiB (\((values.min() ?? 0) >> 10)–\((values.max() ?? 0) >> 10))"
        }
        Self.say("peak", command, ours: kib(ours), "time \(kib(theirs))")
        #expect(Self.isClose(Self.median(ours), Self.median(theirs)))
    }

    @Test("CPU is what wait4 tells others of the same run", arguments: MeasuredCommand.all)
    func cpu(_ command: MeasuredCommand) async throws {
        let (child, python, ours) = try await command.measuredByPython()
        let alone = try await command.measured().cpu
        Self.say("CPU", command, ours: "\(alone) in a run of its own", "Python’s wait4 \(child)")
        Self.say("CPU", command, ours: "\(ours - python) and \(python) of Python", "Python’s wait4 \(child)")
        #expect(Self.isClose(ours, child + python))
        let (time, both) = try await command.measuredByTime()
        Self.say("CPU", command, ours: "\(both.cpu) with time’s own", "time \(time.cpu)")
        #expect(Self.isClose(both.cpu, time.cpu, resolution: TimeReport.resolution))
    }

    @Test func `bytes to disk are what time says of the same run`() async throws {
        // /tmp may be in memory.
        let folder = try FolderOnDisk()
        let command = MeasuredCommand.writing(to: folder.path)
        let (time, ours) = try await command.measuredByTime()
        Self.say(
            "disk", command, ours: "\(ours.diskWritten ?? -1) written, \(ours.diskRead ?? -1) read",
            "time \(time.diskWritten) and \(time.diskRead)")
        #expect(ours.diskWritten == time.diskWritten)
        // What time itself had to fetch of its program is in ours only, if it was not in the page cache.
        #expect(try #require(ours.diskRead) >= time.diskRead)
        #expect(time.diskWritten >= 20 << 20)
        let alone = try await command.measured()
        Self.say("disk", command, ours: "\(alone.diskWritten ?? -1) written", "without time")
        #expect(try #require(alone.diskWritten) >= 20 << 20)
    }

    @Test func `the peak is that of a metered launch alone`() async throws {
        var small = Launch(command: ["/bin/true"], environment: [:])
        #expect(try await ChildProcess.run(small, killAfter: .zero).peakRAM == nil)
        small.isMetered = true
        let peak = try #require(try await ChildProcess.run(small, killAfter: .zero).peakRAM)
        #expect(peak < 4 << 20)
    }
}

/// A folder on a real disk, gone with this value.
private final class FolderOnDisk: Sendable {
    let path: String

    init() throws {
        path = "/var/tmp/millrace-\(UInt64.random(in: 0...UInt64.max))"
        try Files.makeFolder(path)
    }

    deinit { try? Files.remove(path) }
}
