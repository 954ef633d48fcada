import Glibc
import MillraceTesting
import Platform
import Synchronization
import Testing

/// Both sides of what a replica and its fleet tell each other. The child's side reads this process's environment, so
/// that each test has a process of its own.
@Suite(.timeLimit(.minutes(1))) struct LifelineTests {
    /// Gives this process the pipe's end under the variable, and returns the other end.
    private static func hand(_ variable: String, readEnd: Bool) throws -> CInt {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { throw SystemError.last("making a pipe") }
        setenv(variable, "\(ends[readEnd ? 0 : 1])", 1)
        return ends[readEnd ? 1 : 0]
    }

    @Test func `the end of the lifeline is told, and ends what does not end by itself`() async {
        await #expect(processExitsWith: .exitCode(EX_TEMPFAIL)) {
            let parent = try LifelineTests.hand(Lifeline.variable, readEnd: true)
            let (ends, told) = AsyncStream.makeStream(of: Void.self)
            try expect(Lifeline.watch(hardExitAfter: .milliseconds(1)) { told.finish() }, "it has no lifeline")
            try expect(!Lifeline.watch(hardExitAfter: nil) {}, "it is watched twice")
            close(parent)
            for await _ in ends {}
            // Never ends by itself.
            for await _ in AsyncStream<Void>.makeStream().stream {}
        }
    }

    @Test func `without a lifeline nothing is watched, and nobody waits for readiness`() async {
        await #expect(processExitsWith: .success) {
            try expect(!Lifeline.watch(hardExitAfter: nil) {}, "it has a lifeline")
            setenv(Lifeline.variable, "77", 1)
            try expect(!Lifeline.watch(hardExitAfter: nil) {}, "it has a lifeline that is not open")
            Readiness.announce()
        }
    }

    @Test func `readiness is told once, and then the pipe is closed`() async {
        await #expect(processExitsWith: .success) {
            let parent = try LifelineTests.hand(Readiness.variable, readEnd: false)
            Readiness.announce()
            Readiness.announce()
            try expectEqual(try Files.read("/proc/self/fd/\(parent)"), Array("ready\n".utf8))
        }
    }

    @Test func `a parent that is gone does not end who tells it of readiness`() async {
        await #expect(processExitsWith: .success) {
            close(try LifelineTests.hand(Readiness.variable, readEnd: false))
            Readiness.announce()
        }
    }
}
