import MillraceCore
import MillraceTesting
import Platform
import Testing

@testable import MillraceApp

extension EndToEnd {
    /// What steps consume, from the kernel to the store and back to those who ask.
    @Suite struct UsageTests {
        @Test func `a step's samples add up to its exact totals`() async throws {
            try await UsageSite.with { site, image in
                let order = try site.order("one", ["burn", "brief"], image: image)
                try await site.submit(order)
                let view = try await site.end(of: order.id)
                #expect(view.state == .finished, "\(view.jsonText)")
                for step in view.steps {
                    let totals = step.usage
                    #expect(try #require(totals.waiting) >= .zero)
                    #expect(try #require(totals.running) > .zero)
                    #expect(totals.diskRead != nil)
                }
                let usage = try await site.wholeUsage(of: order.id, steps: [0, 1])
                let totals = usage.steps[0].totals
                let cpu = try #require(totals.cpu?.inSeconds)
                #expect(cpu >= 0.9)
                #expect(abs(usage.integral(.cpu, step: 0) - cpu) < 0.001)
                // More than one interval, and one of them busy.
                #expect(usage.values(.cpu, step: 0).count >= 4)
                #expect(try #require(usage.values(.cpu, step: 0).max()) > 0.3)
                let written = try #require(totals.diskWritten)
                #expect(written >= 4_000_000)
                #expect(
                    abs(usage.integral(.disk, step: 0) - Double(written + (totals.diskRead ?? 0))) < 1,
                    "\(totals): \(usage.values(.disk, step: 0))")
                let peak = Double(try #require(totals.peakRAM))
                #expect(peak > 60e6)
                // Sampled is the sum of the command's processes, of which one shell is not the largest.
                #expect(try #require(usage.values(.ram, step: 0).max()) > 60e6)
                #expect(try #require(usage.values(.ram, step: 0).max()) < peak * 1.2)
                let brief = try #require(usage.steps[1].totals.cpu?.inSeconds)
                #expect(abs(usage.integral(.cpu, step: 1) - brief) < 0.001)
            }
        }

        @Test func `usage as people and programs see it`() async throws {
            try await UsageSite.with { site, image in
                let orders = try ["one", "two"].map { try site.order($0, ["burn", "noop"], image: image) }
                for order in orders { try await site.submit(order) }
                for order in orders { _ = try await site.end(of: order.id) }
                let usage = try await site.wholeUsage(of: orders[0].id, steps: [0])
                let text = try await site.command(["usage", "one"], name: "text")
                #expect(text.status == .exited(0))
                #expect(text.text.contains("burn") && text.text.contains("cores"), "\(text.text)")
                let csv = try await site.command(["usage", "one", "-o", "csv"], name: "csv")
                let lines = csv.text.split(separator: "\n")
                #expect(lines.first == "order,step,task,resource,unit,at,second,seconds,value,low,high")
                #expect(lines.count == usage.samples.count + 1)
                let json = try await site.command(["usage", "one", "-o", "json"], name: "json")
                #expect(try OrderUsageView(json: Array(json.text.utf8)).samples.count == usage.samples.count)
                // Fewer points keep what was least and most.
                let few = try await site.usage(of: orders[0].id, query: "?points=2&resource=cpu&task=burn")
                #expect(few.samples.count == 2)
                #expect(few.samples.map(\.high).max() == usage.values(.cpu, step: 0).max())
                #expect(few.samples.map(\.low).min() == usage.values(.cpu, step: 0).min())
                let task = try await site.command(["usage", "--task", "burn", "-o", "json"], name: "task")
                let view = try TaskUsageView(json: Array(task.text.utf8))
                #expect(view.steps.count == 2)
                #expect(view.expected[.cpuSeconds]?.count == 2)
                #expect(view.profile[.cpu]?.isEmpty == false)
                let differences = view.steps.compactMap { $0.difference[.cpuSeconds] }
                #expect(abs(differences.reduce(0, +)) < 1e-6, "two are as far from their median: \(differences)")
                let table = try await site.command(["usage", "--task", "burn"], name: "tasktext")
                #expect(table.text.contains("peak RAM") && table.text.contains("one"), "\(table.text)")
                for (arguments, status) in [
                    (["usage", "nobody"], 4), (["usage", "--task", "nobody"], 1), (["usage"], 2),
                    (["usage", "one", "--task", "burn"], 2), (["usage", "one", "--resource", "gpu"], 2),
                    (["usage", "one", "--url", "http://127.0.0.1:1"], 3),
                ] as [([String], Int32)] {
                    #expect(try await site.command(arguments, name: "bad\(status)").status == .exited(status))
                }
                for path in ["?resource=gpu", "?points=0", "?points=x", "?colour=1", "?task=NO"] {
                    #expect(await site.http.get("/v1/orders/one/usage\(path)")?.status == 400, "\(path)")
                }
                #expect(await site.http.get("/v1/orders/nobody/usage")?.status == 404)
                #expect(await site.http.get("/v1/tasks/nobody/usage")?.status == 404)
            }
        }

        @Test func `pictures of orders, of a task and of scaling`() async throws {
            try await UsageSite.with { site, image in
                let orders = try ["one", "two"].map { try site.order($0, ["burn", "brief"], image: image) }
                for order in orders { try await site.submit(order) }
                for order in orders { _ = try await site.end(of: order.id) }
                _ = try await site.wholeUsage(of: orders[1].id, steps: [0])
                let pictures: [([String], String)] = [
                    (["one"], "one.svg"), (["one", "two"], "both.png"), (["--task", "burn"], "task.svg"),
                    (["--scaling"], "scaling.svg"), (["--scaling", "--task", "burn"], "burn.png"),
                ]
                for (arguments, name) in pictures {
                    let path = "\(site.folder)/\(name)"
                    let result = try await site.command(["plot"] + arguments + ["-o", path], name: name)
                    #expect(result.status == .exited(0), "\(result.text)")
                    let bytes = try readFile(path)
                    #expect(try PlotFormat(path: path).isWhole(bytes), "\(name)")
                }
                for (arguments, status) in [
                    (["one", "-o", "x.gif"], 2), (["-o", "x.svg"], 2), (["nobody", "-o", "\(site.folder)/x.svg"], 4),
                    (["one", "-o", "\(site.folder)/no/such/folder.svg"], 1),
                ] as [([String], Int32)] {
                    #expect(try await site.command(["plot"] + arguments, name: "bad").status == .exited(status))
                }
            }
        }

        @Test func `a run that never ends has what is known of it as an estimate`() async throws {
            try await UsageSite.with { site, image in
                let order = try site.order("killer", ["dies"], image: image)
                try await site.submit(order)
                let view = try await site.end(of: order.id)
                #expect(view.state == .failed)
                // Its third run is told by nobody either: the step failed before a fourth.
                try await eventually("three estimates", within: .seconds(30)) {
                    try await site.estimates() == 3
                }
                let usage = try await site.usage(of: order.id)
                #expect(usage.integral(.cpu, step: 0) > 1)
            }
        }

        @Test func `a store that is away costs no sample`() async throws {
            try await UsageSite.with { site, image in
                let order = try site.order("one", ["burn"], image: image)
                try await site.submit(order)
                try await eventually("the step to run") { try await site.view(order.id).steps[0].state == .running }
                let lock = try FileLock(path: site.data + "/store.sqlite.lock")
                try lock.lock()
                // The command has ended by itself then.
                try await eventually("the command's end") {
                    site.processes.all().allSatisfy { $0.command[0] != "python3" }
                }
                lock.unlock()
                let usage = try await site.wholeUsage(of: order.id, steps: [0])
                let cpu = try #require(usage.steps[0].totals.cpu?.inSeconds)
                #expect(abs(usage.integral(.cpu, step: 0) - cpu) < 0.001)
            }
        }
    }
}
