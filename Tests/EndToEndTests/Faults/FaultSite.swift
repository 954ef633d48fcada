import MillraceCore
import MillraceTesting
import Platform

@testable import MillraceApp

/// What the tests of faults have in common: tasks that go wrong in every way that there is, and some that do not.
enum FaultSite {
    static let configuration = """
        imageRoot: FOLDER/pictures
        orderLimit: 200000
        tasks:
          noop: { builtin: noop }
          pause: { builtin: sleep, parameters: { seconds: 1.5 } }
          thumbnail: { builtin: thumbnail }
          blur: { builtin: blur }
          copy: { command: [sh, -c, 'cat "$MILLRACE_INPUT" > "$MILLRACE_OUTPUT"'] }
          absent: { command: [FOLDER/no-such-program] }
          hangs: { command: [sh, -c, 'sleep 600'], timeout: 1s }
          floods: { command: [sh, FOLDER/flood.sh] }
          crashes: { command: [sh, -c, 'kill -SEGV $$'] }
          kills: { command: [sh, -c, 'kill -KILL $PPID; sleep 60'] }
          later: { command: [sh, -c, '[ -e FOLDER/later ] || { : > FOLDER/later; echo not yet >&2; exit 75; }; cp "$MILLRACE_INPUT" "$MILLRACE_OUTPUT"'] }
          never: { command: [sh, -c, 'echo busy >&2; exit 75'], retries: 1 }
          silent: { command: [sh, -c, 'exit 0'] }
          links: { command: [sh, -c, 'ln -s /etc/hostname "$MILLRACE_OUTPUT"'] }
        scaling: { max: 2 }
        lease: 3s
        """

    /// 40 MB on each of its outputs, and then it fails.
    static let flood = """
        yes 'out of paper' | head -c 40000000 &
        yes 'out of paper' | head -c 40000000 >&2
        wait
        echo 'the last words' >&2
        exit 3
        """

    static func with(_ body: (Site, ImageReference) async throws -> Void) async throws {
        try await Site.with(configuration) { site in
            try Files.makeFolder(site.folder + "/pictures")
            try writeFile(flood, to: site.folder + "/flood.sh")
            try writeFile("secret", to: site.folder + "/secret.png")
            let process = try await site.up()
            let image = try await site.upload(Array("any bytes\n".utf8))
            try await body(site, image)
            try expect(!process.hasEnded, "millrace up has ended")
        }
    }
}

extension Site {
    /// An order with nothing wrong about it finishes all the same.
    func expectControlFinishes(_ id: String, _ image: ImageReference) async throws {
        let order = try order(id, ["copy", "noop", "copy"], image: image)
        try await submit(order)
        try await expectFinished(order.id)
    }

    func expectFinished(_ id: OrderID) async throws {
        let view = try await end(of: id)
        try expect(view.state == .finished, "\(id) is \(view.state): \(view.reason ?? "")")
        try expect(view.steps.allSatisfy { $0.state == .finished }, "\(id): \(view.jsonText)")
    }

    /// The order fails at its first step, with a reason that says why, and does not come to those after it.
    func expectFailure(of id: OrderID, _ task: String, saying words: String) async throws {
        let view = try await end(of: id)
        try expectEqual(view.state, .failed, "\(id): \(view.jsonText)")
        let reason = view.reason ?? ""
        try expect(reason.hasPrefix("step 0 (\(task)): "), "\(id): \(reason)")
        try expect(reason.contains(words), "\(id) should say ‘\(words)’: \(reason)")
        try expect(!reason.contains("\n\n") && reason.utf8.count < 4096, "\(id): \(reason.utf8.count) bytes: \(reason)")
        try expectEqual(view.steps[0].state, .failed, "\(id): \(view.jsonText)")
        for step in view.steps.dropFirst() { try expectEqual(step.state, .skipped, "\(id): \(view.jsonText)") }
        try expect(view.finishedAt != nil, "\(id) has no end")
    }
}
