import Glibc
import MillraceTesting
import Platform

/// The `millrace` that was built with these tests.
enum Executable {
    /// - Throws: where it has been looked for.
    static func path() throws -> String {
        let candidates = folders().map { $0 + "/millrace" }
        guard let path = candidates.first(where: { access($0, X_OK) == 0 }) else {
            throw Broken("there is no millrace to be tested; looked for \(candidates.joined(separator: ", "))")
        }
        return path
    }

    /// It lies beside the test bundle, which is this process's program, or what a helper was told to load.
    private static func folders() -> [String] {
        var programs = CommandLine.arguments.filter { $0.contains(".xctest") }
        if let own = realpath("/proc/self/exe", nil) {
            programs.insert(String(cString: own), at: 0)
            free(own)
        }
        return programs.compactMap { program in
            program.lastIndex(of: "/").map { String(program[..<$0]) }
        }
    }

    /// This process's environment without what would configure Millrace.
    static var environment: [String: String] {
        Launch.ownEnvironment.filter { !$0.key.hasPrefix("MILLRACE_") }
    }
}
