import Glibc
import MillraceCore
import MillraceTesting
import Platform
import Testing

@testable import MillraceApp

extension EndToEnd {
    /// Starts and stops: orderly, at once, twice, where something else is.
    @Suite struct LifecycleTests {
        static let configuration = """
            tasks:
              copy: { command: [sh, -c, 'sleep 0.05; cat "$MILLRACE_INPUT" > "$MILLRACE_OUTPUT"'] }
              pause: { builtin: sleep, parameters: { seconds: 0.1 } }
              long: { command: [sh, -c, 'sleep 300'] }
            scaling: { max: 2 }
            lease: 3s
            """

        @Test func `ten starts and stops with work under way lose nothing`() async throws {
            try await Site.with(Self.configuration) { site in
                var orders: [Order] = []
                for round in 0..<10 {
                    let process = try await site.up()
                    let image = try await site.upload(Array("round \(round)\n".utf8))
                    for number in 0..<6 {
                        let order = try site.order("order-\(round)-\(number)", ["copy", "pause", "copy"], image: image)
                        try await site.submit(order)
                        orders.append(order)
                    }
                    // A step of this start runs, and others wait.
                    try await eventually("a step to run") {
                        try await site.allOrders().contains { $0.steps.contains { $0.state == .running } }
                    }
                    try await site.stop(process, by: round % 2 == 0 ? SIGTERM : SIGINT)
                    #expect(process.said.contains("millrace has stopped; nothing is running"))
                }
                let process = try await site.up()
                for order in orders {
                    let view = try await site.end(of: order.id)
                    #expect(view.state == .finished, "\(order.id): \(view.reason ?? "")")
                    // Nobody died: no step was run twice.
                    #expect(
                        view.steps.allSatisfy { $0.attempt == 1 }, "\(order.id): \(view.jsonText)\n\(site.retries)")
                }
                #expect(try await site.deadLetters().isEmpty)
                try await site.stop(process)
            }
        }

        @Test func `an idle one stops at once`() async throws {
            try await Site.with(Self.configuration) { site in
                let process = try await site.up()
                let clock = ContinuousClock()
                let took = try await clock.measure { try await site.stop(process, by: SIGINT) }
                // A tenth of a second on an idle machine; the services' own timers are of ten seconds and more.
                #expect(took < .seconds(5), "it took \(took)")
            }
        }

        @Test func `a second one on the same folder is refused`() async throws {
            try await Site.with(Self.configuration) { site in
                let first = try await site.up()
                let second = try await site.start(["up"], log: "second", port: HTTP.freePort())
                #expect(try await second.exit() == .exited(1))
                #expect(second.said.contains("another `millrace up` runs on \(site.data)"), "\(second.said)")
                #expect(second.said.split(separator: "\n").count == 1, "\(second.said)")
                // The first one does not mind.
                #expect(await site.http.get("/livez")?.status == 200)
                try await site.stop(first)
                try await site.stop(try await site.up(log: "third"))
            }
        }

        @Test func `a port that is taken is told`() async throws {
            try await Site.with(Self.configuration) { site in
                let first = try await site.up()
                let second = try await MillraceProcess.start(
                    ["up", "--data", site.folder + "/other", "--port", String(site.port)],
                    log: site.folder + "/second.log")
                let status = try await second.exit()
                #expect(status == .exited(1) || status == .exited(3), "\(status)")
                #expect(second.said.contains(String(site.port)), "\(second.said)")
                #expect(second.said.lowercased().contains("in use"), "\(second.said)")
                #expect(!second.said.contains("NIO"), "\(second.said)")
                try await site.stop(first)
            }
        }

        @Test func `what is wrong before the start is told with its own exit status`() async throws {
            try await Site.with("tasks: { copy: { comand: [true] } }\n") { site in
                let process = try await site.start(["up"], log: "up", port: site.port)
                #expect(try await process.exit() == .exited(2))
                #expect(process.said.contains("millrace.yaml: tasks.copy.comand: "), "\(process.said)")
                try site.expectNoProcesses()
            }
        }

        @Test func `workers of one that was killed vanish by themselves`() async throws {
            try await Site.with(Self.configuration) { site in
                let process = try await site.up()
                let image = try await site.upload(Array("x".utf8))
                for number in 0..<6 {
                    try await site.submit(try site.order("order-\(number)", ["copy", "pause"], image: image))
                }
                try await eventually("both tasks' workers") {
                    Set(site.processes.workers().compactMap(\.task)) == ["copy", "pause"]
                }
                try await process.kill()
                try await eventually("the workers' end", within: .seconds(10)) { site.processes.all().isEmpty }
                let next = try await site.up()
                for number in 0..<6 {
                    #expect(try await site.end(of: try OrderID("order-\(number)")).state == .finished)
                }
                try await site.stop(next)
            }
        }

        @Test func `a worker that is killed takes its command along`() async throws {
            try await Site.with(Self.configuration) { site in
                let process = try await site.up()
                let image = try await site.upload(Array("x".utf8))
                try await site.submit(try site.order("order", ["long"], image: image))
                try await eventually("the command to run") {
                    site.processes.all().contains { $0.command.first == "sleep" }
                }
                let worker = try #require(site.processes.workers().first)
                let commands = site.processes.all().filter { $0.command.first == "sleep" }.map(\.pid)
                Glibc.kill(pid_t(worker.pid), SIGKILL)
                try await eventually("the command's end", within: .seconds(10)) {
                    site.processes.all().allSatisfy { !commands.contains($0.pid) }
                }
                try await process.kill()
            }
        }
    }
}
