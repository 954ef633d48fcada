import ArgumentParser
import MillraceCore
import Platform

struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Every service on this machine, and the orders in the files given; Ctrl-C drains and stops.")
    @Argument(help: "order files to submit") var files: [String] = []
    @OptionGroup var flags: SettingFlags

    func run() async throws {
        let adapters = try Adapters(flags.settings(), label: "up")
        let (machine, lock) = try await Machine.open(adapters)
        let files = try OrderFile.read(files)
        try await machine.run { url in
            Output.line("millrace is up: \(url), data in \(adapters.folder.path); Ctrl-C drains and stops")
            if !files.isEmpty {
                let progress = ProgressLine(.text)
                try await MillraceClient.with(base: url) { client in
                    try await Submission(client: client, files: files, progress: progress).run { _ in }
                }
                progress.clear()
            }
            // Until a signal cancels it.
            while !Task.isCancelled { try await Task.sleep(for: .seconds(3600)) }
        }
        lock.unlock()
        Output.line("millrace has stopped; nothing is running")
    }
}
