import Foundation
import MillraceCore
import MillracePorts

/// What every `TaskRunner` promises, each as a value, to be the argument of a test:
///
///     @Test(arguments: TaskRunnerConformance.promises)
///     func `an image task keeps`(_ promise: Promise<TaskRunnerFixture>) async throws {
///         try await promise.check(fixture)
///     }
///
/// A promise that a kind of runner cannot make is left out by name of the ability that it lacks, so that nothing is
/// skipped unseen: `TaskRunnerConformance.promises(without: [.refusesUnknownParameters])`.
public enum TaskRunnerConformance {
    /// What a runner may lack.
    public enum Ability: Hashable, Sendable {
        /// It leaves a file.
        case leavesOutput
        /// It knows which parameters it has.
        case refusesUnknownParameters
        /// The same input and parameters give the same bytes.
        case repeatsItself
        /// It reads its input.
        case readsInput
        /// The fixture has a slow run.
        case runsSlowly
    }

    public static var promises: [Promise<TaskRunnerFixture>] { promises(without: []) }

    public static func promises(without lacking: Set<Ability>) -> [Promise<TaskRunnerFixture>] {
        (parameterPromises + runPromises + cancellationPromises).filter { $0.needs.isDisjoint(with: lacking) }
            .map(\.promise)
    }

    private struct Entry: Sendable {
        var promise: Promise<TaskRunnerFixture>
        var needs: Set<Ability>

        init(
            _ description: String, needs: Set<Ability> = [],
            check: @escaping @Sendable (TaskRunnerFixture) async throws -> Void
        ) {
            promise = Promise(description, check)
            self.needs = needs
        }
    }

    private static let parameterPromises: [Entry] = [
        Entry("good parameters are taken") { fixture in
            try fixture.runner.validate(fixture.parameters)
        },
        Entry("an unknown parameter is refused by name", needs: [.refusesUnknownParameters]) { fixture in
            var parameters = fixture.parameters
            parameters["no-such-parameter"] = 1
            do throws(InvalidValue) {
                try fixture.runner.validate(parameters)
            } catch {
                try expect(error.field == "no-such-parameter", "the error names ‘\(error.field)’: \(error)")
                return
            }
            throw Broken("‘no-such-parameter’ was taken")
        },
        Entry("a run with an unknown parameter fails for good", needs: [.refusesUnknownParameters]) { fixture in
            var request = try fixture.request()
            request.parameters["no-such-parameter"] = 1
            let error = try await failure(of: fixture.runner, request)
            try expect(error.code == .permanent, "the error is \(error.code): \(error)")
            try expect(error.reason.contains("no-such-parameter"), "the reason does not name it: \(error)")
        },
    ]

    private static let runPromises: [Entry] = [
        Entry("a run leaves its output in the run's folder", needs: [.leavesOutput]) { fixture in
            let request = try fixture.request()
            let bytes = try await output(of: fixture.runner, request)
            try expect(!bytes.isEmpty, "the output is empty")
        },
        Entry("leavesOutput says whether a run leaves a file") { fixture in
            let result = try await fixture.runner.run(try fixture.request())
            try expect((result.file != nil) == fixture.runner.leavesOutput, "the run left \(result.file ?? "no file")")
        },
        Entry("the input is not changed") { fixture in
            let request = try fixture.request()
            let before = try Data(contentsOf: URL(filePath: request.input))
            _ = try await fixture.runner.run(request)
            try expect(try Data(contentsOf: URL(filePath: request.input)) == before, "the input was changed")
        },
        Entry("running again gives the same bytes", needs: [.leavesOutput, .repeatsItself]) { fixture in
            let first = try await output(of: fixture.runner, try fixture.request())
            let second = try await output(of: fixture.runner, try fixture.request())
            try expect(first == second, "two runs gave \(first.count) and \(second.count) bytes, not the same")
        },
        Entry("runs at the same time do not disturb each other", needs: [.leavesOutput, .repeatsItself]) { fixture in
            let alone = try await output(of: fixture.runner, try fixture.request())
            try await withThrowingTaskGroup(of: Data.self) { group in
                for _ in 0..<4 {
                    let request = try fixture.request()
                    group.addTask { try await output(of: fixture.runner, request) }
                }
                for try await bytes in group { try expect(bytes == alone, "a run beside others gave other bytes") }
            }
        },
        Entry("a missing input is a permanent error that names it", needs: [.readsInput]) { fixture in
            var request = try fixture.request()
            request.input = "\(request.folder)/no-such-input"
            let error = try await failure(of: fixture.runner, request)
            try expect(error.code == .permanent, "the error is \(error.code): \(error)")
            try expect(error.reason.contains("no-such-input"), "the reason does not name it: \(error)")
        },
    ]

    private static let cancellationPromises: [Entry] = [
        Entry("a run that is cancelled before it begins ends", needs: [.runsSlowly]) { fixture in
            let request = try fixture.slowRequest()
            let run = Task { try await fixture.runner.run(request) }
            run.cancel()
            let result = await run.result
            try expect((try? result.get()) == nil, "the run went on to its end")
        },
        Entry("a run that is cancelled half-way ends", needs: [.runsSlowly]) { fixture in
            let request = try fixture.slowRequest()
            let run = Task { try await fixture.runner.run(request) }
            // No event tells that it is under way, so what it leaves is looked for; a run that fails leaves nothing.
            let isOver = Flag()
            let watch = Task {
                _ = await run.result
                isOver.raise()
            }
            while try FileManager.default.contentsOfDirectory(atPath: request.folder).isEmpty, !isOver.isRaised {
                await Task.yield()
            }
            run.cancel()
            await watch.value
            let result = await run.result
            guard case .failure(let error) = result else { throw Broken("the run went on to its end") }
            try expect((error as? TaskError)?.code == .temporary, "a cancelled run can be run again, but: \(error)")
        },
    ]
}
