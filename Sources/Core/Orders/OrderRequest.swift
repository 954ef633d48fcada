/// An order as a user writes it: its image may still be a path.
public struct OrderRequest: Hashable, Sendable {
    public enum Image: Hashable, Sendable {
        case stored(ImageReference)
        /// A path, absolute or relative to what the reader says; `file:` URLs become paths here.
        case path(String)
    }

    public var id: OrderID
    public var image: Image
    public var tasks: [TaskCall]

    public init(id: OrderID, image: Image, tasks: [TaskCall]) {
        self.id = id
        self.image = image
        self.tasks = tasks
    }

    /// Reads one order. An unknown field, a missing one and a wrong value are errors that name the field.
    public init(from reader: inout JSONReader) throws(JSONError) {
        var id: OrderID?
        var image: Image?
        var tasks: [TaskCall]?
        try reader.object { (reader, key) throws(JSONError) in
            switch key {
            case "id" where id == nil: id = try reader.orderID()
            case "image" where image == nil: image = try Image(from: &reader)
            case "tasks" where tasks == nil: tasks = try reader.taskCalls()
            case "id", "image", "tasks": throw JSONError("is there twice")
            default: throw JSONError("is not a field of an order; those are id, image, tasks")
            }
        }
        guard let id else { throw JSONError(path: "id", "is missing") }
        guard let image else { throw JSONError(path: "image", "is missing") }
        guard let tasks else { throw JSONError(path: "tasks", "is missing") }
        self.init(id: id, image: image, tasks: tasks)
    }

    /// Reads one order, an array of them, or one after another (NDJSON).
    public static func parse(file bytes: [UInt8]) throws(JSONError) -> [OrderRequest] {
        try JSONReader.read(bytes) { (reader) throws(JSONError) in
            var orders: [OrderRequest] = []
            guard reader.hasMore() else { throw JSONError("is empty: expected an order") }
            if reader.nextIsArray() {
                try reader.array { (reader) throws(JSONError) in orders.append(try OrderRequest(from: &reader)) }
            } else {
                while reader.hasMore() {
                    do throws(JSONError) {
                        orders.append(try OrderRequest(from: &reader))
                    } catch {
                        throw orders.isEmpty ? error : error.under("order \(orders.count + 1)")
                    }
                }
            }
            return orders
        }
    }
}

extension OrderRequest.Image {
    init(from reader: inout JSONReader) throws(JSONError) {
        let text = try reader.string()
        guard !text.isEmpty else { throw JSONError("must not be empty") }
        guard !text.utf8.contains(0) else { throw JSONError("must not contain a NUL character") }
        if text.hasPrefix("sha256:") || text.hasPrefix("output:") {
            self = .stored(try reader.convert { () throws(InvalidValue) in try ImageReference(parsing: text) })
        } else if text.hasPrefix("file:") {
            self = .path(try Self.path(ofFileURL: text))
        } else if let scheme = text.firstRange(of: "://") {
            throw JSONError("must be a path, a file: URL or sha256:…, not a URL of ‘\(text[..<scheme.lowerBound])’")
        } else {
            self = .path(text)
        }
    }

    private static func path(ofFileURL text: String) throws(JSONError) -> String {
        var rest = text.dropFirst("file:".count)
        if rest.hasPrefix("//") {
            rest = rest.dropFirst(2)
            if rest.hasPrefix("localhost/") { rest = rest.dropFirst("localhost".count) }
            guard rest.hasPrefix("/") else { throw JSONError("must be a file: URL of this machine") }
        }
        var bytes: [UInt8] = []
        var remaining = Array(rest.utf8)[...]
        while let byte = remaining.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard remaining.count >= 2,
                let value = UInt8(String(decoding: remaining.prefix(2), as: UTF8.self), radix: 16),
                value != 0
            else { throw JSONError("has a ‘%’ that is not followed by two hexadecimal digits") }
            bytes.append(value)
            remaining = remaining.dropFirst(2)
        }
        guard let path = String(validating: bytes, as: UTF8.self), !path.isEmpty else {
            throw JSONError("must name a file")
        }
        return path
    }
}

extension JSONReader {
    /// A value made from what was read; what it throws becomes an error at this place.
    func convert<Value>(_ make: () throws(InvalidValue) -> Value) throws(JSONError) -> Value {
        do throws(InvalidValue) { return try make() } catch { throw JSONError(error.problem) }
    }

    mutating func orderID() throws(JSONError) -> OrderID {
        let text = try string()
        return try convert { () throws(InvalidValue) in try OrderID(text) }
    }

    mutating func taskName() throws(JSONError) -> TaskName {
        let text = try string()
        return try convert { () throws(InvalidValue) in try TaskName(text) }
    }

    mutating func runID() throws(JSONError) -> RunID {
        let text = try string()
        return try convert { () throws(InvalidValue) in try RunID(text) }
    }

    mutating func imageReference() throws(JSONError) -> ImageReference {
        let text = try string()
        return try convert { () throws(InvalidValue) in try ImageReference(parsing: text) }
    }

    mutating func taskCalls() throws(JSONError) -> [TaskCall] {
        var tasks: [TaskCall] = []
        try array { (reader) throws(JSONError) in
            guard tasks.count < Order.maximumTasks else {
                throw JSONError("is too much: an order has at most \(Order.maximumTasks) tasks")
            }
            tasks.append(try reader.taskCall())
        }
        guard !tasks.isEmpty else { throw JSONError("must name at least one task") }
        return tasks
    }

    private mutating func taskCall() throws(JSONError) -> TaskCall {
        guard nextIsObject() else { return TaskCall(try taskName()) }
        var name: TaskName?
        var parameters: [String: JSONValue] = [:]
        try object { (reader, key) throws(JSONError) in
            switch key {
            case "name": name = try reader.taskName()
            case "parameters":
                guard case .object(let fields) = try reader.value() else { throw JSONError("must be an object") }
                parameters = fields
            default: throw JSONError("is not a field of a task; those are name, parameters")
            }
        }
        guard let name else { throw JSONError(path: "name", "is missing") }
        return TaskCall(name, parameters: parameters)
    }
}
