import ArgumentParser
import MillraceCore

struct TasksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tasks", abstract: "Each task's demand, replicas, partitions, lag and last decision.",
        discussion: """
            Replicas are current/desired. A decision is the number of replicas that was decided on before → after, with \
            its reason. What is not known is shown as –, and as null in JSON.
            """)
    @OptionGroup var options: ClientOptions

    func run() async throws {
        let format = options.format
        try await MillraceClient.with(options) { client in
            let (json, tasks) = try await client.tasks()
            switch format {
            case .json: Output.line(String(decoding: json, as: UTF8.self))
            case .text: TaskView.table(tasks).show()
            }
        }
    }
}
