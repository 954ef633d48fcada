import MillraceCore
import MillraceTesting
import Testing

@testable import MillraceApp

extension EndToEnd {
    /// A command may do what it likes: its order fails with the reason, and nothing else happens.
    @Suite struct CommandFaultTests {
        static let bad: [(task: String, words: String)] = [
            ("absent", "could not be started"), ("hangs", "its timeout of 1"), ("floods", "the last words"),
            ("crashes", "SIGSEGV"), ("never", "busy (after 2 attempts)"), ("silent", "left no file"),
            ("links", "left no file"),
        ]

        @Test func `commands that fail in every way`() async throws {
            try await FaultSite.with { site, image in
                for (task, _) in Self.bad {
                    try await site.submit(try site.order(task, [task, "copy"], image: image))
                    try await site.submit(try site.order("beside-\(task)", ["copy", "noop"], image: image))
                }
                for (task, words) in Self.bad {
                    try await site.expectFailure(of: try OrderID(task), task, saying: words)
                    try await site.expectFinished(try OrderID("beside-\(task)"))
                }
                // They failed; their workers did not.
                let (_, tasks) = try await client(site) { try await $0.tasks() }
                #expect(tasks.count > 0)
                #expect(try await site.deadLetters().isEmpty)
                // What hangs is gone with its step.
                try await eventually("commands to be gone") {
                    site.processes.all().allSatisfy { $0.task != nil || $0.command.dropFirst().first == "up" }
                }
                try await site.expectControlFinishes("control", image)
            }
        }

        @Test func `a command that fails for now is tried again in place`() async throws {
            try await FaultSite.with { site, image in
                let order = try site.order("later", ["later", "noop"], image: image)
                try await site.submit(order)
                try await site.expectFinished(order.id)
                let step = try await site.view(order.id).steps[0]
                #expect(step.attempt == 2)
                // The replica is the same: a retry costs no new one.
                #expect(step.instance?.hasPrefix("later-") == true)
            }
        }

        @Test func `a step that kills its worker three times fails with that reason`() async throws {
            try await FaultSite.with { site, image in
                let order = try site.order("killer", ["kills", "copy"], image: image)
                try await site.submit(order)
                // Others of the same task wait behind it, and do the same.
                let second = try site.order("second", ["kills"], image: image)
                try await site.submit(second)
                try await site.expectControlFinishes("control", image)
                try await site.expectFailure(of: order.id, "kills", saying: "ended its worker 3 times")
                try await site.expectFailure(of: second.id, "kills", saying: "ended its worker 3 times")
                #expect(try await site.deadLetters().isEmpty)
                try await site.expectControlFinishes("after", image)
            }
        }

        private func client<Value: Sendable>(
            _ site: Site, _ body: (MillraceClient) async throws -> Value
        ) async throws -> Value {
            try await MillraceClient.with(base: "http://127.0.0.1:\(site.port)", body)
        }
    }
}
