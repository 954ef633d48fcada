import Glibc
import MillraceCore
import MillracePorts
import MillraceTesting
import Platform
import SQLiteBus
import Testing

@testable import MillraceApp

extension EndToEnd {
    /// A service that is dead, or only held up for longer than its lease, is taken over from; when it comes back, it
    /// does no harm.
    @Suite struct StandbyTests {
        static let configuration = """
            tasks:
              copy: { command: [sh, -c, 'cat "$MILLRACE_INPUT" > "$MILLRACE_OUTPUT"'] }
              slow: { command: [sh, -c, 'sleep 0.5; cat "$MILLRACE_INPUT" > "$MILLRACE_OUTPUT"'] }
            scaling: { ordersPerReplica: 1, max: 2 }
            lease: 1s
            """

        @Test(arguments: ["orchestrator", "monitor-system"], [SIGKILL, SIGSTOP])
        func `a stand-by takes over, and the one before does no harm`(service: String, signal: CInt) async throws {
            try await Site.with(Self.configuration) { site in
                var processes: [String: MillraceProcess] = [:]
                for name in ["orchestrator", "monitor-system"] {
                    processes[name] = try await site.start(["run", name], log: name)
                }
                let proxy = try await site.start(["run", "proxy-server"], log: "proxy-server", port: site.port)
                try await site.waitUntilReady(proxy)
                let image = try await site.upload(Array("x\n".utf8))
                try await site.expectFinished("first", image)

                let standby = try await site.start(["run", service], log: "standby")
                try await eventually("the stand-by to wait") {
                    try await site.withBus { bus in
                        let topic = service == "orchestrator" ? Topic.orchestrator : Topic.system
                        return try await bus.describe(group: service, topic: topic).members.count == 2
                    }
                }
                let active = try #require(processes[service])
                active.signal(signal)
                try await site.expectFinished("second", image)
                if signal == SIGSTOP { active.signal(SIGCONT) }
                try await site.expectFinished("third", image)
                #expect(!standby.hasEnded)

                if signal == SIGKILL {
                    #expect(try await active.exit() == .signalled(SIGKILL))
                    processes[service] = standby
                } else {
                    processes["standby"] = standby
                }
                processes["proxy-server"] = proxy
                for process in processes.values { process.signal(SIGTERM) }
                for (name, process) in processes {
                    #expect(try await process.exit() == .exited(0), "\(name)")
                }
                try site.expectNoProcesses()
                let letters = try await site.deadLetters()
                #expect(letters.isEmpty)
            }
        }

        @Test func `a worker that is held up loses its step to another, and there is one result`() async throws {
            try await Site.with(Self.configuration) { site in
                let process = try await site.up()
                let image = try await site.upload(Array("x\n".utf8))
                for number in 0..<8 {
                    try await site.submit(try site.order("order-\(number)", ["slow", "copy"], image: image))
                }
                let running: (instance: String, id: OrderID) = try await eventually("a step to run") {
                    let order = try await site.allOrders().first { $0.steps[0].state == .running }
                    return order.flatMap { order in order.steps[0].instance.map { ($0, order.id) } }
                }
                let held = try #require(site.processes.workers().first { $0.instance == running.instance })
                kill(pid_t(held.pid), SIGSTOP)
                // The other replica does all of them.
                for number in 0..<8 {
                    let view = try await site.end(of: try OrderID("order-\(number)"))
                    #expect(view.state == .finished)
                    if view.id == running.id { #expect(view.steps[0].instance != running.instance) }
                }
                let before = try readFile("\(site.data)/outputs/\(running.id)/0/result.json")
                kill(pid_t(held.pid), SIGCONT)
                // It comes to its step's end, finds the other's result, and goes on.
                for number in 8..<12 {
                    let order = try site.order("order-\(number)", ["slow"], image: image)
                    try await site.submit(order)
                    #expect(try await site.end(of: order.id).state == .finished)
                }
                #expect(try readFile("\(site.data)/outputs/\(running.id)/0/result.json") == before)
                let letters = try await site.deadLetters()
                #expect(letters.isEmpty)
                try await site.stop(process)
            }
        }
    }
}

extension Site {
    fileprivate func expectFinished(_ id: String, _ image: ImageReference) async throws {
        let order = try order(id, ["copy", "slow", "copy"], image: image)
        try await submit(order)
        try await expectFinished(order.id)
    }
}
