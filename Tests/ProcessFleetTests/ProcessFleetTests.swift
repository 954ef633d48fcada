import Glibc
import Logging
import MillraceCore
import MillracePorts
import MillraceTesting
import Platform
import ProcessFleet
import Testing

@Suite(.timeLimit(.minutes(1))) struct ProcessFleetTests {
    @Test("a fleet of processes keeps the port's promises", arguments: FleetConformance.promises)
    func conforms(_ promise: Promise<FleetFixture>) async throws {
        try await ScriptFleet.with { it in
            // The clock stands still: a next try comes only when it is pushed.
            try await withThrowingTaskGroup { group in
                group.addTask {
                    for await status in it.fleet.changes() where status.problem != nil {
                        it.clock.advance(by: .seconds(10))
                    }
                }
                try await promise.check(it.fixture())
                group.cancelAll()
            }
        }
    }

    @Test func `a replica is told its name, its lifeline and where to say that it is ready`() async throws {
        let script = """
            echo "$0 $1 $MILLRACE_INSTANCE $MILLRACE_LIFELINE $MILLRACE_READY" > "$D/seen"
            ls /proc/$$/fd | tr '\\n' ' ' > "$D/open"; echo ready >&4; read -r end <&3
            """
        try await ScriptFleet.with(script) { it in
            try await it.scale(to: 1)
            let seen = String(decoding: try Files.read(it.folder + "/seen"), as: UTF8.self).split(separator: " ")
            #expect(seen.count == 5 && seen[0] == "resize" && seen[1] == seen[2])
            #expect(seen[1].wholeMatch(of: /resize-[0-9a-f]{6}/) != nil)
            #expect(seen[3...] == ["3", "4\n"])
            #expect(String(decoding: try Files.read(it.folder + "/open"), as: UTF8.self).hasPrefix("0 1 2 3 4 "))
        }
    }

    @Test func `a crashing replica is tried again later and later, and the problem says why`() async throws {
        try await ScriptFleet.with("echo starting; echo 'no such file' >&2; exit 1") { it in
            try await it.fleet.scale(it.task, to: 1)
            for (problem, pause) in [
                ("exited with status 1: no such file; next try in 0.1 s", 100),
                ("exited with status 1 twice in a row: no such file; next try in 0.2 s", 200),
                ("exited with status 1 three times in a row: no such file; next try in 0.4 s", 400),
                ("exited with status 1 4 times in a row: no such file; next try in 0.8 s", 800),
            ] {
                let status = try await it.wait { $0.problem == problem }
                #expect(status == FleetStatus(task: it.task, ready: 0, existing: 0, desired: 1, problem: problem))
                it.clock.advance(by: .milliseconds(pause))
            }
        }
    }

    @Test func `a program that is not there is a problem that names it`() async throws {
        try await withTemporaryFolder { folder in
            let task = try TaskName("resize")
            let settings = ProcessFleetSettings(
                gracePeriods: [task: .zero], executable: folder + "/nothing", arguments: { _, _ in [] })
            let fleet = try ProcessFleet(settings: settings, clock: ManualClock(), logger: Logger(label: "fleet"))
            try await fleet.scale(task, to: 1)
            for await status in fleet.changes() {
                guard let problem = status.problem else { continue }
                #expect(problem.contains("could not be started"))
                #expect(problem.contains("\(folder)/nothing"))
                break
            }
            await fleet.shutdown()
        }
    }

    @Test func `a replica that exits with status 0 is replaced without a problem`() async throws {
        let leaving = ScriptFleet.orderly.replacing(
            "cat <&3", with: "[ -e \"$D/first\" ] || { : > \"$D/first\"; exit 0; }; cat <&3")
        try await ScriptFleet.with(leaving) { it in
            try await it.fleet.scale(it.task, to: 1)
            // The first one leaves at once: its place is filled a tenth of a second after its start.
            try await it.wait { $0.existing == 0 && $0.problem == nil }
            it.clock.advance(by: .milliseconds(100))
            try await it.wait { $0.ready == 1 }
        }
    }

    @Test func `one that does not stop is killed, with its group, after its grace period`() async throws {
        let script = """
            trap '' TERM; exec 5>"$D/alive"; (trap '' TERM; sleep 1000; :) &
            echo ready >&4; while :; do sleep 1000; done
            """
        try await ScriptFleet.with(script) { it in
            let path = it.folder + "/alive"
            guard mkfifo(path, 0o600) == 0 else { throw SystemError.last("making a FIFO") }
            // Ends when the last process of the group is gone.
            async let end = NamedThread.run("fifo") { try? Files.read(path) }
            try await it.scale(to: 1)
            try await it.fleet.scale(it.task, to: 0)
            try await it.wait { $0.ready == 0 }
            it.clock.advance(by: .seconds(40) - .nanoseconds(1))
            #expect(try await it.fleet.status(of: it.task).existing == 1)
            it.clock.advance(by: .nanoseconds(1))
            try await it.wait { $0.existing == 0 }
            #expect(await end == [])
        }
    }

    @Test func `replicas end when the process of their fleet is killed`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/alive"
            guard mkfifo(path, 0o600) == 0 else { throw SystemError.last("making a FIFO") }
            async let end = NamedThread.run("fifo") { try? Files.read(path) }
            await #expect(processExitsWith: .signal(SIGKILL)) { [folder = folder as String] in
                let script = "exec 5>\"$D/alive\"; " + ScriptFleet.orderly
                let it = try ScriptFleet(script, folder: folder)
                try await it.fleet.scale(it.task, to: 3)
                try await it.wait { $0.ready == 3 }
                kill(getpid(), SIGKILL)
            }
            #expect(await end == [])
        }
    }

    @Test func `a cancelled run kills all replicas`() async throws {
        try await withTemporaryFolder { folder in
            let it = try ScriptFleet("trap '' TERM; echo ready >&4; while :; do sleep 1000; done", folder: folder)
            let run = Task { await it.fleet.run() }
            try await it.fleet.scale(it.task, to: 2)
            try await it.wait { $0.ready == 2 }
            run.cancel()
            await run.value
            #expect(try await it.fleet.status(of: it.task).existing == 0)
        }
    }

    @Test func `fifty starts and stops of replicas leave nothing behind`() async throws {
        try await ScriptFleet.with { it in
            for _ in 0..<50 {
                try await it.scale(to: 1)
                try await it.scale(to: 0)
            }
            #expect(try it.instances(it.task) == [])
            #expect(try Files.names(in: it.folder + "/logs") == ["resize.0.log"])
        }
    }

    @Test func `fifty fleets start and stop`() async throws {
        for _ in 0..<50 {
            try await ScriptFleet.with { it in try await it.scale(to: 1) }
        }
    }

    @Test func `a wish that is taken back before it has come true leaves nothing behind`() async throws {
        try await ScriptFleet.with { it in
            for _ in 0..<50 {
                try await it.fleet.scale(it.task, to: 4)
                try await it.fleet.scale(it.task, to: 0)
            }
            try await it.wait { $0.existing == 0 && $0.desired == 0 }
        }
    }

    @Test func `each of several replicas has a log of its own`() async throws {
        try await ScriptFleet.with("echo \"$MILLRACE_INSTANCE\"; " + ScriptFleet.orderly) { it in
            try await it.scale(to: 3)
            let names = try Files.names(in: it.folder + "/logs").sorted()
            #expect(names == ["resize.0.log", "resize.1.log", "resize.2.log"])
            let logged = try names.map { String(decoding: try Files.read(it.folder + "/logs/" + $0), as: UTF8.self) }
            #expect(logged.sorted() == (try it.instances(it.task)).map { $0 + "\n" }.sorted())
        }
    }
}
