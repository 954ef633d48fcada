import GRDB
import Glibc
import ImageTasks
import MillraceCore
import MillracePorts
import Platform

// The bus, the store, and what tasks need.
extension DoctorCheck {
    @Sendable static func versions(_ settings: Settings) async -> [DoctorCheck] {
        // Asked of the library that is linked, in memory.
        let sqlite = try? await DatabaseQueue().read { try String.fetchOne($0, sql: "SELECT sqlite_version()") }
        return [.ok("versions", "Swift \(swiftVersion), SQLite \(sqlite ?? "not known")")]
    }

    /// The compiler says no more than what it is at least.
    private static var swiftVersion: String {
        #if compiler(>=6.4)
            "6.4 or later"
        #elseif compiler(>=6.3)
            "6.3"
        #else
            "6.2"
        #endif
    }

    static func text(of error: any Error) -> String {
        (error as? Failure)?.message ?? "\(error)"
    }

    static func remedy(_ file: String, _ isCorrupt: Bool) -> String {
        isCorrupt
            ? "if the file is of a later version, use that Millrace; else move \(file) away, and `millrace up` starts anew"
            : "see that this user may read and write \(file) and those beside it, and that the disk has room"
    }

    @Sendable static func imageLibrary(_ settings: Settings) async -> [DoctorCheck] {
        let name = "libvips"
        let isNeeded = settings.tasks.values.contains { task in
            if case .builtin(let builtin) = task.kind { ImageTask.names.contains(builtin) } else { false }
        }
        // It reads files and starts threads.
        let problem = await NamedThread.run("doctor-vips") { () -> TaskError? in
            do throws(TaskError) { try ImageTask.loadLibrary() } catch { return error }
            return nil
        }
        guard let problem else { return [.ok(name, "loads")] }
        let remedy = "install it: apt-get install libvips42 (or libvips42t64), or run `make demo`, which does"
        return [
            isNeeded
                ? .fail(name, problem.reason, remedy)
                : .warn(name, "\(problem.reason); no task of the configuration needs it", remedy)
        ]
    }

    @Sendable static func commands(_ settings: Settings) async -> [DoctorCheck] {
        let search = OwnProcess.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
        return settings.tasks.sorted { $0.key < $1.key }.compactMap { task, definition in
            guard case .command(let words) = definition.kind, let program = words.first else { return nil }
            let name = "task \(task)"
            if let path = executable(program, search: search) { return .ok(name, "runs \(path)") }
            guard program.contains("/") else {
                return .fail(
                    name, "‘\(program)’ is in no folder of PATH",
                    "install it, or write its whole path in tasks.\(task).command")
            }
            return Files.exists(program)
                ? .fail(name, "\(program) is no executable file", "chmod +x \(program)")
                : .fail(name, "\(program) is not there", "correct tasks.\(task).command")
        }
    }

    /// Where a program is, as execvp(3) finds it; nil if it is nowhere or may not be executed.
    static func executable(_ program: String, search: String) -> String? {
        let candidates =
            program.contains("/")
            ? [program]
            : search.split(separator: ":", omittingEmptySubsequences: false).map {
                "\($0.isEmpty ? "." : $0)/\(program)"
            }
        return candidates.first { path in
            var status = stat()
            return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
        }
    }
}
