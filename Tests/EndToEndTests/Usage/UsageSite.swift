import GRDB
import MillraceCore
import MillraceTesting
import Platform

@testable import MillraceApp

/// What the tests of usage have in common: tasks that consume a known amount of everything.
enum UsageSite {
    static let configuration = """
        meteringPeriod: 200ms
        tasks:
          burn: { command: [python3, FOLDER/burn.py, '0.9', '60', '4'] }
          brief: { command: [python3, FOLDER/burn.py, '0.1', '8', '0'] }
          dies: { command: [sh, -c, 'python3 FOLDER/burn.py 0.8 8 0; kill -KILL $PPID; sleep 60'] }
          noop: { builtin: noop }
        scaling: { max: 1 }
        lease: 3s
        """

    /// So many CPU seconds, MB of memory and MB to disk; and a pause, to be seen as one.
    static let burn = """
        import os, sys, time
        cpu, memory, disk = (float(text) for text in sys.argv[1:4])
        hold = bytearray(int(memory * 1e6))
        for place in range(0, len(hold), 4096): hold[place] = 1
        while time.process_time() < cpu: pass
        with open(os.environ["MILLRACE_OUTPUT"], "wb") as output:
            output.write(os.urandom(int(disk * 1e6)) + b"done")
            output.flush()
            os.fsync(output.fileno())
        time.sleep(0.3)
        """

    static func with(_ body: (Site, ImageReference) async throws -> Void) async throws {
        try await Site.with(configuration) { site in
            try writeFile(burn, to: site.folder + "/burn.py")
            let process = try await site.up()
            try await body(site, try await site.upload(Array("any bytes\n".utf8)))
            try expect(!process.hasEnded, "millrace up has ended")
        }
    }
}

extension Site {
    func usage(of id: OrderID, query: String = "") async throws -> OrderUsageView {
        let answer: HTTP.Answer = try await eventually("the usage of \(id)") {
            await http.get("/v1/orders/\(id)/usage\(query)")
        }
        try expectEqual(answer.status, 200, "usage of \(id): \(answer)")
        return try OrderUsageView(json: answer.body)
    }

    /// Waits until a step's samples reach its end: they come up to two periods behind it.
    func wholeUsage(of id: OrderID, steps: Set<Int>) async throws -> OrderUsageView {
        try await eventually("all samples of \(id)") {
            let usage = try await usage(of: id)
            let isWhole = steps.allSatisfy { step in
                guard let running = usage.steps[step].totals.running?.inSeconds else { return false }
                let last = usage.samples.filter { $0.step == step && $0.resource == .cpu }.compactMap(\.second).max()
                return last.map { abs($0 - running) < 0.001 } ?? false
            }
            return isWhole ? usage : nil
        }
    }

    /// Runs whose end nobody told.
    func estimates() async throws -> Int {
        var configuration = Configuration()
        configuration.readonly = true
        return try await DatabaseQueue(path: data + "/store.sqlite", configuration: configuration).read {
            try Int.fetchOne($0, sql: "SELECT count(*) FROM step_totals WHERE estimated = 1") ?? 0
        }
    }

    /// Runs a command of millrace to its end.
    /// - Returns: its exit status and all that it has printed.
    func command(_ arguments: [String], name: String) async throws -> (status: ChildExit.Status, text: String) {
        let process = try await MillraceProcess.start(
            arguments, log: "\(folder)/\(name).out", environment: ["MILLRACE_URL": "http://127.0.0.1:\(port)"])
        let status = try await process.exit()
        return (status, process.said)
    }
}

extension OrderUsageView {
    /// The sum over time of a step's samples: CPU seconds, bytes.
    func integral(_ resource: Resource, step: Int) -> Double {
        samples.filter { $0.step == step && $0.resource == resource }.reduce(0) { $0 + $1.value * $1.seconds }
    }

    func values(_ resource: Resource, step: Int) -> [Double] {
        samples.filter { $0.step == step && $0.resource == resource }.map(\.value)
    }
}
