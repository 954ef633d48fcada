import ArgumentParser
import Glibc
import MillraceCore
import Platform
import UnixSignals

struct MeterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "meter", abstract: "Meters any command and its children: totals, and samples over time.",
        usage: "millrace meter [--csv <file>] [--plot <file>] [--period <time>] [-o <output>] -- <command> ...",
        discussion: """
            The command's input and output are this terminal's. Totals are told on standard error when it has ended, and \
            the exit status is the command's own (128 and the signal's number where a signal ended it; 127 where there is \
            no such command). With -o json they are one document on standard output, where the command's own output goes \
            to standard error.
            """)
    @Option(help: "write the samples there, a line each") var csv: String?
    @Option(help: "draw them there: .svg or .png") var plot: String?
    @Option(help: "between two samples (1s)") var period: DurationArgument?
    @Option(name: [.customShort("o"), .customLong("output")], help: "text or json") var format: DataFormat = .text
    @Argument(parsing: .postTerminator, help: "the command and its arguments") var command: [String] = []

    func validate() throws {
        guard !command.isEmpty else { throw ValidationError("give a command after --") }
        guard (.milliseconds(10) ... .seconds(3600)).contains(interval) else {
            throw ValidationError("--period must be from 10ms to 1h")
        }
    }

    private var interval: Duration { period?.duration ?? .seconds(1) }

    func run() async throws {
        let format = format
        if let plot { _ = try Plotting.format(of: plot) }
        let meter = MeteredRunner(
            command: command, period: interval, source: Adapters.usageSource(), outputWithErrors: format == .json
        )
        let outcome = try await metered(meter)
        switch format {
        case .text: for line in lines(outcome) { Output.complain(line) }
        case .json: Output.line(json(outcome))
        }
        let failures = await write(outcome)
        for failure in failures { Output.complain(failure.message) }
        switch outcome.status {
        case .exited(0): if let failure = failures.first { throw CommandExit(status: failure.code.rawValue) }
        case .exited(let status): throw CommandExit(status: status)
        case .signalled(let signal): throw CommandExit(status: 128 + signal)
        }
    }

    /// Whether Ctrl-C comes from a terminal, which sends it to the command too.
    private var isInForeground: Bool {
        let terminal = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC)
        guard terminal >= 0 else { return false }
        defer { close(terminal) }
        return tcgetpgrp(terminal) == getpgrp()
    }

    /// What is sent to this process alone is passed on: the command ends by it or not.
    private func metered(_ meter: MeteredRunner) async throws -> MeteredRunner.Outcome {
        try await withThrowingTaskGroup(of: MeteredRunner.Outcome?.self) { group in
            let (children, child) = AsyncStream.makeStream(of: ChildProcess.self, bufferingPolicy: .bufferingNewest(1))
            group.addTask {
                for await started in children {
                    for await signal in await UnixSignalsSequence(trapping: [.sigterm, .sigint, .sighup]) {
                        switch signal {
                        case .sigint: if !isInForeground { started.signal(SIGINT) }
                        case .sighup: started.signal(SIGHUP)
                        default: started.signal(SIGTERM)
                        }
                    }
                }
                return nil
            }
            group.addTask {
                do {
                    return try await meter.run { child.yield($0) }
                } catch let error as SystemError {
                    Output.complain("millrace: \(error)")
                    throw CommandExit(status: error.code == ENOENT ? 127 : 126)
                }
            }
            while let result = try await group.next() {
                guard let result else { continue }
                group.cancelAll()
                return result
            }
            throw CancellationError()
        }
    }

    /// - Returns: what could not be written: the command has run, which is told all the same.
    private func write(_ outcome: MeteredRunner.Outcome) async -> [Failure] {
        var failures: [Failure] = []
        if let csv {
            let rows = outcome.samples.map { sample in
                [
                    "\((sample.at - outcome.startedAt).inSeconds)", "\(sample.seconds)",
                    sample.cpu.map { "\($0)" } ?? "", sample.ram.map { "\(Wording.whole($0))" } ?? "",
                    sample.disk.map { "\($0)" } ?? "",
                ].joined(separator: ",")
            }
            let text = (["second,seconds,cpuCores,ramBytes,diskBytesPerSecond"] + rows).joined(separator: "\n") + "\n"
            do throws(SystemError) { try Files.write(Array(text.utf8), to: csv) } catch {
                failures.append(Failure(.failed, "millrace: \(error)"))
            }
        }
        if let plot {
            do throws(Failure) { try await Plotting.draw(outcome, command: command, to: plot) } catch {
                failures.append(error)
            }
        }
        return failures
    }

    private func lines(_ outcome: MeteredRunner.Outcome) -> [String] {
        let totals = outcome.totals
        let cores = zip(totals.cpu, totals.running).map { $0.inSeconds / max($1.inSeconds, 1e-6) }
        var lines = [
            "millrace: ‘\(Wording.oneLine(command[0]))’ \(outcome.status) after \(Wording.seconds(totals.running))",
            "  CPU       \(Wording.seconds(totals.cpu))"
                + (cores.map { ", \(Wording.decimal($0, 2)) cores on average" } ?? ""),
            "  peak RAM  \(Wording.bytes(totals.peakRAM)), of its largest process",
            "  DISK      \(Wording.bytes(totals.diskRead)) read, \(Wording.bytes(totals.diskWritten)) written",
        ]
        if outcome.leftRunning > 0 {
            lines.append("  \(Wording.count(outcome.leftRunning, "process")) it has left behind is not in these totals")
        }
        return lines
    }

    private func json(_ outcome: MeteredRunner.Outcome) -> String {
        var writer = JSONWriter(capacity: 1024)
        writer.beginObject()
        writer.key("command")
        writer.beginArray()
        for word in command { writer.string(word) }
        writer.endArray()
        switch outcome.status {
        case .exited(let status): writer.field("exitStatus", Int(status))
        case .signalled(let signal): writer.field("signal", Int(signal))
        }
        writer.field("startedAt", outcome.startedAt)
        writer.fields(of: outcome.totals)
        writer.field("samples", outcome.samples.count)
        writer.field("leftRunning", outcome.leftRunning)
        writer.endObject()
        return writer.text
    }
}

/// A command that ends as another one has.
struct CommandExit: Error {
    var status: Int32
}

/// Both, where both are known.
private func zip<A, B>(_ a: A?, _ b: B?) -> (A, B)? {
    guard let a, let b else { return nil }
    return (a, b)
}
