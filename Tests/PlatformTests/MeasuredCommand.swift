import MillraceTesting
import Platform
import Testing

/// A command that is measured by us and by others.
struct MeasuredCommand: Sendable, CustomTestStringConvertible {
    var name: String
    var words: [String]

    var testDescription: String { name }

    static let python = "/usr/bin/python3"
    static let time = "/usr/bin/time"

    private static func shell(_ name: String, _ script: String) -> MeasuredCommand {
        MeasuredCommand(name: name, words: ["/bin/sh", "-c", script])
    }

    private static func allocating(_ megabytes: Int) -> MeasuredCommand {
        MeasuredCommand(name: "\(megabytes) MB", words: [python, "-c", "b = b'x' * \(megabytes << 20)"])
    }

    static let all = [
        MeasuredCommand(name: "true", words: ["/bin/true"]),
        MeasuredCommand(name: "2 MB", words: ["/bin/ls", "-l", "/"]),
        shell("5 ms", "i=0; while [ $i -lt 8000 ]; do i=$((i+1)); done"),
        allocating(30), allocating(200),
        shell("200 children", "i=0; while [ $i -lt 200 ]; do /bin/true; i=$((i+1)); done"),
    ]

    /// 20 MiB of which half goes around the page cache and all is synced.
    static func writing(to folder: String) -> MeasuredCommand {
        shell(
            "20 MiB written",
            """
            dd if=/dev/zero of=\(folder)/direct bs=1M count=10 oflag=direct status=none || exit
            exec dd if=/dev/zero of=\(folder)/synced bs=1M count=10 conv=fsync status=none
            """)
    }

    /// Fails where a tool is missing, and says how to get it.
    static func requireTools() throws {
        for (tool, package) in [(time, "time"), (python, "python3")] {
            try expect(Files.exists(tool), "there is no \(tool): install the Debian package ‘\(package)’")
        }
    }

    /// Runs it as our child and takes what we say of it.
    func measured(by wrapper: [String] = []) async throws -> ChildExit {
        var launch = Launch(command: wrapper + words, environment: Launch.ownEnvironment)
        launch.errors = .captured
        launch.isMetered = true
        let exit = try await ChildProcess.run(launch, killAfter: .zero)
        try expect(exit.status == .exited(0), "‘\(name)’ \(exit.status): \(ErrorText.end(of: exit.errorTail))")
        return exit
    }

    /// What `time -v` says of it, and we of the two.
    func measuredByTime() async throws -> (time: TimeReport, ours: ChildExit) {
        let exit = try await measured(by: [Self.time, "-v"])
        return (try TimeReport(exit.errorTail), exit)
    }

    /// The CPU that Python's `os.wait4` tells of it, with what Python has used itself until just before its end, and we
    /// of the two.
    func measuredByPython() async throws -> (child: Duration, python: Duration, ours: Duration) {
        let script = """
            import os, resource, sys
            child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
            used = os.wait4(child, 0)[2]
            own = resource.getrusage(resource.RUSAGE_SELF)
            text = " ".join(str(round((u.ru_utime + u.ru_stime) * 1e6)) for u in (used, own))
            os.write(2, ("\\n" + text).encode())
            os._exit(0)
            """
        let exit = try await measured(by: [Self.python, "-c", script])
        let numbers = String(decoding: exit.errorTail, as: UTF8.self).split(separator: "\n").last?
            .split(separator: " ").compactMap { Int($0) }
        guard let numbers, numbers.count == 2 else { throw Broken("Python said no numbers of ‘\(name)’") }
        return (.microseconds(numbers[0]), .microseconds(numbers[1]), exit.cpu)
    }
}

/// The report of `/usr/bin/time -v`.
struct TimeReport {
    /// It cuts user and system time to 10 ms each.
    static let resolution = Duration.milliseconds(20)

    var cpu: Duration
    var peakRAM: Int
    var diskRead: Int
    var diskWritten: Int

    init(_ text: [UInt8]) throws {
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
        func number(_ label: String) throws -> Double {
            guard let line = lines.first(where: { $0.contains(label) }), let word = line.split(separator: " ").last,
                let number = Double(word)
            else { throw Broken("time says nothing of ‘\(label)’") }
            return number
        }
        cpu = .seconds(try number("User time") + number("System time"))
        peakRAM = Int(try number("Maximum resident set size")) << 10
        diskRead = Int(try number("File system inputs")) * 512
        diskWritten = Int(try number("File system outputs")) * 512
    }
}
