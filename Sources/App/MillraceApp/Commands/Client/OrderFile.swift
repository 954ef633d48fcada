import Glibc
import MillraceCore
import Platform

/// A file of orders as it was named on the command line.
struct OrderFile: Sendable {
    /// For messages.
    var name: String
    /// What paths in it are relative to; empty for the current folder.
    var folder: String
    var orders: [OrderRequest]

    /// Reads all files before anything is sent, so that a mistake in the last one leaves nothing half done.
    /// - Parameter arguments: paths; `-` for standard input.
    static func read(_ arguments: [String]) throws(Failure) -> [OrderFile] {
        guard arguments.count(where: { $0 == "-" }) < 2 else {
            throw Failure(.usage, "millrace: standard input (-) can be read once only")
        }
        var files: [OrderFile] = []
        for argument in arguments { files.append(try OrderFile(argument)) }
        return files
    }

    private init(_ argument: String) throws(Failure) {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try argument == "-" ? Self.standardInput() : Files.read(argument)
        } catch {
            throw Failure(.usage, "millrace: \(error)")
        }
        try self.init(argument, bytes: bytes)
    }

    init(_ argument: String, bytes: [UInt8]) throws(Failure) {
        name = argument == "-" ? "standard input" : argument
        folder = argument.lastIndex(of: "/").map { String(argument[...$0]) } ?? ""
        do throws(JSONError) {
            orders = try OrderRequest.parse(file: bytes)
        } catch {
            throw Failure(.usage, "millrace: \(name): \(Self.text(of: error))")
        }
        guard !orders.isEmpty else { throw Failure(.usage, "millrace: \(name): has no orders") }
    }

    /// An image's path, seen from the current folder.
    func path(ofImage path: String) -> String {
        var path = path[...]
        while path.hasPrefix("./") { path = path.dropFirst(2).drop { $0 == "/" } }
        return path.hasPrefix("/") ? String(path) : folder + path
    }

    /// Where an order stands, counted from 1 as people count.
    func place(_ index: Int) -> String {
        orders.count == 1 ? name : "\(name): order \(index + 1)"
    }

    /// `[2].tasks[1]: …` is `order 3: tasks[1]: …` to people.
    private static func text(of error: JSONError) -> String {
        var order = ""
        var rest = error.path[...]
        if rest.hasPrefix("["), let end = rest.firstIndex(of: "]"), let index = Int(rest.dropFirst()[..<end]) {
            order = "order \(index + 1): "
            rest = rest[rest.index(after: end)...]
        } else if rest.hasPrefix("order ") {
            let number = rest.dropFirst("order ".count).prefix { $0.isNumber }
            order = "order \(number): "
            rest = rest.dropFirst("order ".count + number.count)
        }
        return order + JSONError(path: String(rest.drop { $0 == "." }), error.problem).description
    }

    private static func standardInput() throws(SystemError) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(STDIN_FILENO, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .last("reading standard input") }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
        }
    }
}
