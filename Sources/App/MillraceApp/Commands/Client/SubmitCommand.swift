import ArgumentParser
import MillraceCore

struct SubmitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit", abstract: "Sends orders and their images.",
        discussion: """
            A file holds one order, an array of them, or one per line:
              { "id": "order-42", "image": "photos/cat.jpg", "tasks": ["resize", "blur"] }
            An image is a path (relative to the file, or for standard input to the current folder), a file: URL, or \
            sha256:…, an image that was uploaded before. Each image is uploaded once.

            The orders of a file are sent in requests of at most \(Submission.ordersPerRequest), and \
            \(Submission.bytesPerRequest >> 10) KiB; of each, all orders are taken or none. Sending a file again does \
            no harm: an order that is there already, with the same image and tasks, is not run again.

            Exit status: 0 sent (with --wait: and all finished); 1 refused, or an order failed; 2 wrong usage or a \
            wrong order file; 3 Millrace cannot be reached.
            """)
    @Argument(help: ArgumentHelp("files of orders; - for standard input", valueName: "file"))
    var files: [String]
    @Flag(help: "wait until all orders have ended")
    var wait = false
    @OptionGroup var options: ClientOptions

    func run() async throws {
        let files = try OrderFile.read(files)
        let (format, waits) = (options.format, wait)
        let progress = ProgressLine(format)
        try await MillraceClient.with(options) { client in
            var taken: [OrderID] = []
            try await Submission(client: client, files: files, progress: progress).run { orders in
                taken += orders.map(\.id)
                guard !waits else { return }
                for order in orders {
                    if format == .json { Output.line(order.jsonText) } else { progress.line(order.submittedLine) }
                }
            }
            guard waits else { return progress.clear() }
            try await OrderWaiter(client: client, progress: progress, format: format).wait(for: taken, timeout: nil)
        }
    }
}

extension OrderView {
    fileprivate var submittedLine: String { "\(id) \(state.rawValue)" }
}
