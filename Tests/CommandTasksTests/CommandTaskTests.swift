import CommandTasks
import MillraceCore
import MillracePorts
import MillraceTesting
import Platform
import Testing

@Suite(.timeLimit(.minutes(1))) struct CommandTaskTests {
    @Test func `a command finds its input, output, parameters, order and task in its environment`() async throws {
        try await CommandFixture.with { fixture in
            let task = fixture.shell(
                """
                cp "$MILLRACE_INPUT" "$MILLRACE_OUTPUT"
                echo "$MILLRACE_ORDER $MILLRACE_TASK $MILLRACE_PARAMETERS" > "$D/seen"
                """)
            let result = try await fixture.run(task, parameters: ["width": 10, "mode": "a \"b\""])
            #expect(result.file == "output.jpg")
            #expect(try fixture.text("run/output.jpg") == "a cat")
            #expect(try fixture.text("seen") == "order-42 edges {\"mode\":\"a \\\"b\\\"\",\"width\":10}\n")
        }
    }

    @Test(
        "the output has the input's extension where that is plain",
        arguments: [
            ("cat.jpg", "output.jpg"), ("cat", "output"), ("a.tar.gz", "output.gz"), (".hidden", "output"),
            ("cat.", "output"), ("cat.j pg", "output"), ("cat.averylongextension", "output"),
        ])
    func outputName(_ input: String, _ output: String) async throws {
        try await CommandFixture.with(input: input) { fixture in
            let result = try await fixture.run(fixture.shell("cp \"$MILLRACE_INPUT\" \"$MILLRACE_OUTPUT\""))
            #expect(result.file == output)
        }
    }

    @Test func `Millrace's own settings and secrets are hidden from commands, the rest is not`() async throws {
        try await CommandFixture.with { fixture in
            _ = try await fixture.run(fixture.shell("env > \"$D/seen\"; : > \"$MILLRACE_OUTPUT\""))
            let names = try fixture.text("seen").split(separator: "\n").compactMap { $0.split(separator: "=").first }
            let ours = names.filter { $0.hasPrefix("MILLRACE_") }.sorted()
            #expect(
                ours == [
                    "MILLRACE_INPUT", "MILLRACE_ORDER", "MILLRACE_OUTPUT", "MILLRACE_PARAMETERS", "MILLRACE_TASK",
                ])
            #expect(names.contains("PATH"))
            #expect(!names.contains("DATABASE_URL"))
        }
    }

    @Test func `a command has no input, no open descriptor beyond three, and its own folder`() async throws {
        try await CommandFixture.with { fixture in
            let task = CommandTask(
                command: ["sh", "-c", "cat; ls /proc/$$/fd | tr '\\n' ' '  > seen; pwd >> seen; : > $MILLRACE_OUTPUT"],
                workingDirectory: fixture.folder)
            _ = try await fixture.run(task)
            #expect(try fixture.text("seen").hasPrefix("0 1 2 "))
            #expect(try fixture.text("seen").hasSuffix(" \(fixture.folder)\n"))
        }
    }

    @Test func `status 0 without an output file is a failure that says so`() async throws {
        try await CommandFixture.with { fixture in
            let error = try await fixture.failure(of: fixture.shell("mkdir \"$MILLRACE_OUTPUT\""))
            #expect(error.code == .permanent)
            #expect(error.reason.contains("left no file at MILLRACE_OUTPUT"))
            #expect(error.children?.cpu != nil)
        }
    }

    @Test func `status 75 is worth another try, any other is not`() async throws {
        try await CommandFixture.with { fixture in
            let temporary = try await fixture.failure(of: fixture.shell("echo busy >&2; exit 75"))
            #expect(temporary.code == .temporary)
            #expect(temporary.reason == "‘/bin/sh’ exited with status 75: busy")
            let permanent = try await fixture.failure(of: fixture.shell("echo out; echo bad >&2; exit 3"))
            #expect(permanent.code == .permanent)
            #expect(permanent.reason == "‘/bin/sh’ exited with status 3: bad")
        }
    }

    @Test(
        "a signal is named; one that comes from outside is worth another try",
        arguments: [("KILL", TaskError.Code.temporary), ("TERM", .temporary), ("SEGV", .permanent)])
    func signals(_ name: String, _ code: TaskError.Code) async throws {
        try await CommandFixture.with { fixture in
            let error = try await fixture.failure(of: fixture.shell("kill -\(name) $$"))
            #expect(error.code == code)
            #expect(error.reason == "‘/bin/sh’ was ended by SIG\(name)")
        }
    }

    @Test func `a command that is not there is named`() async throws {
        try await CommandFixture.with { fixture in
            for command in ["no-such-command", "/no/such/command", "./no-such-command"] {
                let error = try await fixture.failure(
                    of: CommandTask(command: [command], workingDirectory: fixture.folder))
                #expect(error.code == .permanent)
                #expect(error.reason.contains(command))
                #expect(error.reason.contains("No such file or directory"))
            }
            let lost = CommandTask(command: ["true"], workingDirectory: "/no/such/folder")
            #expect(try await fixture.failure(of: lost).reason.contains("/no/such/folder"))
            let none = CommandTask(command: [], workingDirectory: nil)
            #expect(try await fixture.failure(of: none).code == .permanent)
        }
    }

    @Test func `a file that is no program says why`() async throws {
        try await CommandFixture.with { fixture in
            let refused = CommandTask(command: [fixture.input], workingDirectory: nil)
            let error = try await fixture.failure(of: refused)
            #expect(error.reason.contains("Permission denied"))
        }
    }

    @Test func `a flood on both outputs is drained, and its last lines are the reason`() async throws {
        try await CommandFixture.with { fixture in
            // 200 MB each: more than any pipe holds, and more than may be kept.
            let error = try await fixture.failure(
                of: fixture.shell(
                    """
                    head -c 200000000 /dev/zero & head -c 200000000 /dev/zero | tr '\\0' x >&2
                    i=0; while [ $i -lt 500 ]; do echo "line $i" >&2; i=$((i+1)); done; wait; exit 1
                    """))
            #expect(error.reason.utf8.count < 2200)
            #expect(error.reason.hasPrefix("‘/bin/sh’ exited with status 1: line "))
            #expect(error.reason.hasSuffix("line 498\nline 499"))
        }
    }

    @Test func `an endless line of broken UTF-8 becomes a reason that is valid`() async throws {
        try await CommandFixture.with { fixture in
            let script = "head -c 9000 /dev/zero | tr '\\0' '\\303' >&2; printf '\\000\\033[1mend\\n\\n' >&2; exit 1"
            let reason = try await fixture.failure(of: fixture.shell(script)).reason
            #expect(reason.utf8.count < 2200)
            #expect(reason.hasSuffix("\u{FFFD}[1mend"))
        }
    }

    @Test func `what the command and its children consumed is told`() async throws {
        try await CommandFixture.with { fixture in
            let script = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; : > \"$MILLRACE_OUTPUT\""
            let children = try #require(try await fixture.run(fixture.shell("(\(script)) & wait")).children)
            #expect(try #require(children.cpu) > .zero)
            #expect(children.diskRead != nil)
            #expect(children.diskWritten != nil)
        }
    }

    @Test func `the peak is the command's own, not that of the process that started it`() async throws {
        try await CommandFixture.with { fixture in
            // This process holds 256 MiB while a small command runs, too short to be looked at.
            let ballast = [UInt8](repeating: 1, count: 256 << 20)
            let small = try await fixture.run(fixture.shell(": > \"$MILLRACE_OUTPUT\"")).children?.peakRAM
            #expect((500 << 10..<4 << 20).contains(try #require(small)))
            #expect(ballast.last == 1)
        }
    }

    @Test func `any parameters are taken`() throws {
        try CommandTask(command: ["true"], workingDirectory: nil).validate(["anything": ["at": "all"]])
    }
}
