import ArgumentParser
import MillraceCore
import Testing

@testable import MillraceApp

@Suite struct ReplicaArgumentsTests {
    @Test("a replica is started with what the command line said, and no more")
    func flags() throws {
        let settings = try Settings(
            flags: ["data": "d", "node": "n 1", "imageLimit": "4096"], configFile: nil,
            environment: ["MILLRACE_LEASE": "7s"])
        let arguments = settings.replicaArguments(try TaskName("blur"))
        #expect(
            arguments == ["run", "worker", "--task", "blur", "--data=d", "--image-limit=4096", "--node=n 1"])
        let parsed = try RunWorker.parse(Array(arguments.dropFirst(2)))
        #expect(parsed.task == "blur")
        #expect(parsed.flags.given == ["data": "d", "node": "n 1", "imageLimit": "4096"])
    }
}
