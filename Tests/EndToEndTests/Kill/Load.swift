import MillraceCore
import MillracePorts
import MillraceTesting
import Platform

@testable import MillraceApp

/// Orders that a seed makes, and what must come of them.
struct Load: Sendable {
    static let tasks = ["one", "two", "three", "noop", "pause", "thumb", "grey"]

    static let configuration = """
        tasks:
          one: { command: [sh, FOLDER/task.sh] }
          two: { command: [sh, FOLDER/task.sh] }
          three: { command: [sh, FOLDER/task.sh], scaling: { max: 1 } }
          noop: { builtin: noop, scaling: { max: 1 } }
          pause: { builtin: sleep, parameters: { seconds: 0.02 }, scaling: { max: 1 } }
          thumb: { builtin: thumbnail, parameters: { size: 48 } }
          grey: { builtin: grayscale }
        scaling: { ordersPerReplica: 8, max: 2 }
        """

    /// A command's output tells the input that it had, the task and the order: a mix-up would show.
    static let script = """
        { cat "$MILLRACE_INPUT" && echo "$MILLRACE_TASK $MILLRACE_ORDER"; } > "$MILLRACE_OUTPUT"
        """

    let orders: [Order]
    /// The bytes of each image.
    private let images: [ImageReference: [UInt8]]

    /// Uploads the images and makes the orders, three in four of texts.
    init(_ site: Site, count: Int, using random: inout SeededGenerator) async throws {
        try writeFile(Self.script, to: site.folder + "/task.sh")
        let text = Array("a picture, as far as commands care\n".utf8)
        let photo = try Photo.bytes("rocket.jpg")
        let ofText = try await site.upload(text)
        let ofPhoto = try await site.upload(photo)
        images = [ofText: text, ofPhoto: photo]
        var orders: [Order] = []
        for number in 0..<count {
            let isPhoto = Int.random(in: 0..<4, using: &random) == 0
            // A command's text behind a photograph is nothing that an image task would take.
            let names = isPhoto ? ["thumb", "grey", "noop"] : ["one", "two", "three", "noop", "pause", "one"]
            let steps = Int.random(in: 2...5, using: &random)
            var tasks = (0..<steps).compactMap { _ in names.randomElement(using: &random) }
            if isPhoto { tasks[0] = "thumb" }
            orders.append(try site.order("order-\(number)", tasks, image: isPhoto ? ofPhoto : ofText))
        }
        self.orders = orders
    }

    /// The steps that leave a file.
    var resultCount: Int {
        orders.reduce(0) { sum, order in sum + order.tasks.count { Self.leavesOutput($0.name) } }
    }

    static func leavesOutput(_ task: TaskName) -> Bool { task.text != "noop" && task.text != "pause" }

    func image(_ order: Order) throws -> [UInt8] {
        guard let bytes = images[order.image] else { throw Broken("no image \(order.image)") }
        return bytes
    }
}

/// What tasks make of bytes, found out in this process: the same tasks without any service.
actor Expectation {
    private var pictures: [[UInt8]: [String: [UInt8]]] = [:]

    func output(of task: TaskName, in order: OrderID, from input: [UInt8], in folder: String) async throws -> [UInt8] {
        switch task.text {
        case "thumb", "grey": return try await picture(task, from: input, in: folder)
        case "noop", "pause": return input
        default: return input + Array("\(task) \(order)\n".utf8)
        }
    }

    private func picture(_ task: TaskName, from input: [UInt8], in folder: String) async throws -> [UInt8] {
        if let known = pictures[input]?[task.text] { return known }
        let definition = TaskDefinition(
            name: task, kind: .builtin(task.text == "thumb" ? "thumbnail" : "grayscale"))
        guard let runner = BuiltinTasks.runner(for: definition) else { throw Broken("no task \(task)") }
        let place = "\(folder)/expected"
        try Files.makeFolder(place)
        try Files.write(input, to: place + "/input")
        let result = try await runner.run(
            TaskRequest(
                step: StepKey(order: try OrderID("expected"), index: 0), task: task, attempt: 1,
                parameters: task.text == "thumb" ? ["size": 48] : [:], input: place + "/input", folder: place))
        guard let file = result.file else { throw Broken("\(task) left nothing") }
        let output = try readFile(place + "/" + file)
        pictures[input, default: [:]][task.text] = output
        return output
    }
}
