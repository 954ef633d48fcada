import ArgumentParser
import AsyncHTTPClient
import Glibc
import MillraceCore
import NIOCore
import NIOHTTP1
import Platform

struct OrdersOutput: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "output", abstract: "The image that a step put out.",
        discussion: """
            Without --step: of the last step that has one. Without --to: to standard output, if that is a file or a \
            pipe. FILE is replaced only when all has come.
            """)
    @Argument(help: "the order's id") var id: String
    @Option(help: "the step's place in the order, from 0") var step: Int?
    @Option(help: ArgumentHelp("where to put it", valueName: "file")) var to: String?
    @OptionGroup var options: ClientOptions

    func run() async throws {
        let (id, step, destination, format) = (try OrderID(argument: id), step, to, options.format)
        guard destination != nil || !Output.isTerminal else {
            throw Failure(
                .usage, "millrace: an image is nothing for a terminal: name a file with --to, or send it to a pipe")
        }
        try await MillraceClient.with(options) { client in
            let (index, path) = try Self.choose(step, of: try await client.order(id))
            guard let destination else {
                _ = try await client.download(path, to: STDOUT_FILENO, name: "standard output")
                return
            }
            let count = try await client.download(path, to: destination)
            Output.line(Self.report(id, index, destination, count, format))
        }
    }

    /// The step whose output is wanted, and its URL's path.
    static func choose(_ step: Int?, of order: OrderView) throws(Failure) -> (index: Int, path: String) {
        guard let step else {
            guard let last = order.steps.lastIndex(where: { $0.output != nil }), let path = order.steps[last].output
            else {
                throw Failure(.failed, "millrace: \(order.id) has put nothing out; it is \(order.state.rawValue)")
            }
            return (last, path)
        }
        guard order.steps.indices.contains(step) else {
            throw Failure(
                .usage,
                "millrace: --step must be 0 to \(order.steps.count - 1): \(order.id) has "
                    + Wording.count(order.steps.count, "step"))
        }
        guard let path = order.steps[step].output else {
            let found = order.steps[step]
            throw Failure(
                .failed,
                "millrace: step \(step) (\(found.task)) of \(order.id) has put nothing out; it is \(found.state.rawValue)"
            )
        }
        return (step, path)
    }

    private static func report(_ id: OrderID, _ step: Int, _ file: String, _ count: Int, _ format: DataFormat) -> String
    {
        guard format == .json else { return "\(file): \(count) bytes, step \(step) of \(id)" }
        var writer = JSONWriter()
        writer.beginObject()
        writer.field("order", id.text)
        writer.field("step", step)
        writer.field("path", file)
        writer.field("bytes", count)
        writer.endObject()
        return writer.text
    }
}

extension MillraceClient {
    /// Downloads beside the file, then renames: nobody sees half of it, and what was there stays if it fails.
    /// - Returns: the bytes.
    func download(_ path: String, to file: String) async throws -> Int {
        // A pipe or a device is not to be replaced.
        if Files.exists(file), !Self.isRegular(file) {
            return try await download(path, toPart: file, flags: O_WRONLY)
        }
        let part = "\(file).\(OwnProcess.pid).part"
        do {
            let count = try await download(path, toPart: part, flags: O_WRONLY | O_CREAT | O_EXCL)
            try Files.move(part, to: file)
            return count
        } catch {
            try? Files.remove(part)
            if let error = error as? SystemError { throw Failure(.failed, "millrace: \(error)") }
            throw error
        }
    }

    private static func isRegular(_ file: String) -> Bool {
        var status = stat()
        return stat(file, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    private func download(_ path: String, toPart file: String, flags: CInt) async throws -> Int {
        try await reaching {
            let descriptor = try Files.open(file, flags)
            defer { Glibc.close(descriptor) }
            return try await download(path, to: descriptor, name: file)
        }
    }

    func download(_ path: String, to descriptor: CInt, name: String) async throws -> Int {
        try await reaching {
            let response = try await http.execute(HTTPClientRequest(url: base + path), timeout: .minutes(30))
            guard response.status == .ok else { throw failure(try await Self.answer(response)) }
            var count = 0
            for try await chunk in response.body {
                try Files.write(Array(buffer: chunk), to: descriptor, path: name)
                count += chunk.readableBytes
            }
            return count
        }
    }
}
