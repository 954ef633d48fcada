import CommandTasks
import Foundation
import MillraceCore
import MillracePorts
import MillraceTesting
import Testing

@Suite struct CommandConformanceTests {
    /// Copies its input, or, told to be slow, writes something and never ends.
    static let script = """
        case "$MILLRACE_PARAMETERS" in *slow*) echo begun > "$MILLRACE_OUTPUT"; exec sleep 600;; esac
        [ -r "$MILLRACE_INPUT" ] || { echo "cannot read $MILLRACE_INPUT" >&2; exit 1; }
        cp "$MILLRACE_INPUT" "$MILLRACE_OUTPUT"
        """

    // A command checks its parameters itself: an unknown one is not Millrace's to refuse.
    @Test(
        "a command keeps the port's promises",
        arguments: TaskRunnerConformance.promises(without: [.refusesUnknownParameters]))
    func conforms(_ promise: Promise<TaskRunnerFixture>) async throws {
        try await withTemporaryFolder { folder in
            let input = folder + "/input.txt"
            try "what a command is given".write(toFile: input, atomically: true, encoding: .utf8)
            let fixture = TaskRunnerFixture(
                runner: CommandTask(command: ["/bin/sh", "-c", Self.script], workingDirectory: nil),
                task: try TaskName("copy"), parameters: [:], input: input,
                slow: .init(parameters: ["slow": true], input: input), scratch: folder)
            try await promise.check(fixture)
        }
    }
}
