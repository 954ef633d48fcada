/// A task to be applied, with the parameters that the order gives it.
public struct TaskCall: Hashable, Sendable {
    public var name: TaskName
    public var parameters: [String: JSONValue]

    public init(_ name: TaskName, parameters: [String: JSONValue] = [:]) {
        self.name = name
        self.parameters = parameters
    }
}

/// An order as services know it: an id, an image by its content, and the tasks to be applied to it in turn.
public struct Order: Hashable, Sendable {
    public var id: OrderID
    public var image: ImageReference
    /// 1–64 of them.
    public var tasks: [TaskCall]

    public static let maximumTasks = 64

    public init(id: OrderID, image: ImageReference, tasks: [TaskCall]) {
        self.id = id
        self.image = image
        self.tasks = tasks
    }

    /// What two submissions under one id must share to be the same order: image and tasks, in canonical JSON.
    public var canonicalContent: [UInt8] {
        var writer = JSONWriter()
        writer.beginArray()
        writer.string(image.description)
        writer.tasks(tasks)
        writer.endArray()
        return writer.bytes
    }
}

// MARK: JSON

extension Order {
    public func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("id", id.text)
        writer.field("image", image.description)
        writer.key("tasks")
        writer.tasks(tasks)
        writer.endObject()
    }

    public var encoded: [UInt8] {
        var writer = JSONWriter(capacity: 96 + 32 * tasks.count)
        write(to: &writer)
        return writer.bytes
    }

    public init(parsing bytes: [UInt8]) throws(JSONError) {
        self = try JSONReader.read(bytes) { (reader) throws(JSONError) in try Order(from: &reader) }
    }

    public init(from reader: inout JSONReader) throws(JSONError) {
        let request = try OrderRequest(from: &reader)
        guard case .stored(let image) = request.image else {
            throw JSONError(path: "image", "must be the reference of a stored image")
        }
        self.init(id: request.id, image: image, tasks: request.tasks)
    }
}

extension JSONWriter {
    mutating func tasks(_ tasks: [TaskCall]) {
        beginArray()
        for task in tasks {
            if task.parameters.isEmpty {
                string(task.name.text)
            } else {
                beginObject()
                field("name", task.name.text)
                key("parameters")
                object(task.parameters)
                endObject()
            }
        }
        endArray()
    }
}
