import Glibc
import Platform

/// The processes of this machine that have to do with a folder: by their arguments, or by what they were told in their
/// environment, as commands are.
struct FolderProcesses {
    struct Found: CustomStringConvertible {
        var pid: Int
        var command: [String]
        /// The replica's name, of a worker.
        var instance: String?

        /// The task of a worker.
        var task: String? {
            guard command.dropFirst().prefix(3).elementsEqual(["run", "worker", "--task"]), command.count > 4 else {
                return nil
            }
            return command[4]
        }

        var description: String { "\(pid): \(command.joined(separator: " "))" }
    }

    let folder: String

    func all() -> [Found] {
        let names = (try? Files.names(in: "/proc")) ?? []
        return names.compactMap { Int($0) }.filter { $0 != getpid() }.sorted().compactMap { pid in
            let command = Self.texts("/proc/\(pid)/cmdline")
            let variables = Self.texts("/proc/\(pid)/environ")
            // A process that has ended and was not reaped has neither.
            guard (command + variables).contains(where: { $0.contains(folder) }) else { return nil }
            let name = variables.first { $0.hasPrefix("MILLRACE_INSTANCE=") }
            return Found(
                pid: pid, command: command, instance: name.map { String($0.dropFirst("MILLRACE_INSTANCE=".count)) })
        }
    }

    func workers() -> [Found] { all().filter { $0.task != nil } }

    private static func texts(_ path: String) -> [String] {
        // Gone meanwhile, or another user's.
        guard let bytes = try? Files.read(path) else { return [] }
        return bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }
}
