import Glibc
import MillraceCore
import MillraceTesting
import Platform
import Testing

@testable import MillraceApp

extension EndToEnd {
    /// Totals against `/usr/bin/time -v` of the same run, as a step of an order and by `millrace meter`.
    @Suite struct TotalsTests {
        struct Load: Sendable, CustomTestStringConvertible {
            var name: String
            var command: [String]
            var testDescription: String { name }
        }

        static let loads = [
            Load(name: "true", command: ["true"]),
            Load(name: "shell", command: ["sh", "-c", "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done"]),
            Load(name: "cpu", command: ["stress-ng", "-q", "--cpu", "1", "--timeout", "2s"]),
            Load(name: "memory", command: ["stress-ng", "-q", "--vm", "1", "--vm-bytes", "150M", "--timeout", "1s"]),
            Load(name: "io", command: ["stress-ng", "-q", "--hdd", "1", "--hdd-bytes", "32M", "--timeout", "1s"]),
            Load(
                name: "write", command: ["dd", "if=/dev/zero", "of=FOLDER/written", "bs=1M", "count=24", "conv=fsync"]),
            Load(
                name: "tree",
                command: ["sh", "-c", "i=0; while [ $i -lt 150 ]; do sh -c 'true; true' ; i=$((i+1)); done"]),
        ]

        /// In memory, so that writing the account is not in it.
        private static func account(_ name: String) -> String { "/dev/shm/millrace-\(getpid())-\(name)" }

        private static func timed(_ load: Load, _ folder: String, account: String) -> [String] {
            ["/usr/bin/time", "-v", "-o", account]
                + load.command.map { $0.replacing("FOLDER", with: folder) }
        }

        @Test func `of steps`() async throws {
            var scripts: [String: String] = [:]
            var yaml = "meteringPeriod: 500ms\nscaling: { max: 1 }\ntasks:\n"
            for load in Self.loads {
                let words = Self.timed(load, "FOLDER", account: Self.account(load.name))
                let line = words.map { "'\($0.replacing("'", with: #"'\''"#))'" }.joined(separator: " ")
                yaml += "  \(load.name): { command: [sh, FOLDER/\(load.name).sh] }\n"
                scripts[load.name] = "cd FOLDER; : > \"$MILLRACE_OUTPUT\"; exec \(line)\n"
            }
            try await Site.with(yaml) { [scripts] site in
                for (name, text) in scripts {
                    try writeFile(text.replacing("FOLDER", with: site.folder), to: "\(site.folder)/\(name).sh")
                }
                _ = try await site.up()
                let image = try await site.upload(Array("any bytes\n".utf8))
                let order = try site.order("totals", Self.loads.map(\.name), image: image)
                try await site.submit(order)
                let view = try await site.end(of: order.id, within: .seconds(60))
                #expect(view.state == .finished, "\(view.jsonText)")
                for (load, step) in zip(Self.loads, view.steps) {
                    try compare(step.usage, with: Self.account(load.name), "step \(load.name)")
                }
            }
        }

        @Test(arguments: loads) func `of a metered command`(load: Load) async throws {
            try await withTemporaryFolder { folder in
                let account = Self.account("meter-\(load.name)")
                let process = try await MillraceProcess.start(
                    ["meter", "-o", "json", "--period", "100ms", "--csv", folder + "/samples.csv", "--"]
                        + Self.timed(load, folder, account: account), log: folder + "/log")
                #expect(try await process.exit() == .exited(0), "\(process.said)")
                let line = try #require(process.said.split(separator: "\n").last { $0.hasPrefix("{") })
                let totals = try RunTotals(fields: JSONFields(JSONValue(parsing: Array(line.utf8))))
                try compare(totals, with: account, "meter \(load.name)")
                // The samples are the same in other words.
                let rows = String(decoding: try readFile(folder + "/samples.csv"), as: UTF8.self)
                    .split(separator: "\n").dropFirst()
                    .map { $0.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) } }
                if (totals.running ?? .zero) >= ResourceMonitor.shortestSample {
                    let cpu = rows.reduce(0) { $0 + ($1[1] ?? 0) * ($1[2] ?? 0) }
                    #expect(abs(cpu - (totals.cpu?.inSeconds ?? 0)) < 0.001, "\(rows)")
                }
            }
        }

        @Test(arguments: [(0, 1), (7, 7)])
        func `what cannot be written is told after the totals, and hides no failure`(own: Int, status: Int32)
            async throws
        {
            try await withTemporaryFolder { folder in
                let process = try await MillraceProcess.start(
                    ["meter", "--csv", folder + "/missing/samples.csv", "--", "sh", "-c", "exit \(own)"],
                    log: folder + "/log")
                #expect(try await process.exit() == .exited(status), "\(process.said)")
                let lines = process.said.split(separator: "\n")
                let totals = try #require(lines.firstIndex { $0.contains("  CPU  ") }, "\(process.said)")
                let failure = try #require(lines.firstIndex { $0.contains("/missing/samples.csv") }, "\(process.said)")
                #expect(totals < failure)
            }
        }

        private func compare(_ totals: RunTotals, with account: String, _ name: String) throws {
            let theirs = try TimeAccount(path: account)
            try? Files.remove(account)
            let cpu = try #require(totals.cpu?.inSeconds)
            let (peak, read) = (try #require(totals.peakRAM), try #require(totals.diskRead))
            let written = try #require(totals.diskWritten)
            Output.line(
                "\(name): CPU \(cpu) s, time says \(theirs.cpu) s; peak \(peak >> 10) KiB, \(theirs.peak >> 10); "
                    + "read \(read) B, \(theirs.read); written \(written) B, \(theirs.written)")
            // `time` cuts user and system time off to hundredths; and itself takes a millisecond or two.
            #expect(cpu >= theirs.cpu - 0.001, "\(name)")
            #expect(cpu <= theirs.cpu + max(0.01 * theirs.cpu, 0.002) + 0.02 + 0.005, "\(name)")
            // `time` itself is the largest process where the command is smaller than it.
            let isTiny = theirs.peak < 2 << 20
            #expect(isTiny ? peak < 2 << 20 : abs(peak - theirs.peak) <= theirs.peak / 100, "\(name)")
            // `time` does not count what it took to start itself.
            #expect(read >= theirs.read, "\(name)")
            #expect(written - theirs.written >= 0 && written - theirs.written <= 8192, "\(name)")
        }
    }
}

/// What `/usr/bin/time -v` wrote.
struct TimeAccount {
    /// User and system, in seconds; each cut off to hundredths.
    var cpu: Double
    /// In bytes.
    var peak: Int
    var read: Int
    var written: Int

    init(path: String) throws {
        let text = String(decoding: try readFile(path), as: UTF8.self)
        func number(_ label: String) throws -> Double {
            let line = text.split(separator: "\n").first { $0.contains(label) }
            guard let word = line?.split(separator: " ").last, let value = Double(word) else {
                throw Broken("\(path) does not say ‘\(label)’: \(text)")
            }
            return value
        }
        cpu = try number("User time (seconds)") + number("System time (seconds)")
        peak = Int(try number("Maximum resident set size (kbytes)")) << 10
        // In blocks of 512 bytes.
        read = Int(try number("File system inputs")) * 512
        written = Int(try number("File system outputs")) * 512
    }
}
