import HTTPTypes
import MillraceCore

/// Whether the configuration has the tasks that an order names, and they take its parameters.
struct OrderCheck: Sendable {
    private let tasks: [TaskName: TaskDefinition]
    private let validate: ParameterValidator
    private let names: String
    /// What is wrong with tasks as they are configured: of most calls, which give no parameters, all is known before.
    private let problems: [TaskName: InvalidValue]

    init(_ settings: ProxySettings) {
        tasks = settings.tasks
        validate = settings.validate
        names = settings.tasks.keys.sorted().map(\.text).joined(separator: ", ")
        var problems: [TaskName: InvalidValue] = [:]
        for (name, task) in settings.tasks {
            do throws(InvalidValue) {
                try settings.validate(name, task.parameters)
            } catch {
                problems[name] = error
            }
        }
        self.problems = problems
    }

    /// Checks all that needs no store.
    func check(_ body: OrderBody) throws(Problem) {
        for (index, order) in body.orders.enumerated() {
            if case .stored(.output) = order.image {
                let field = body.place(index, "image")
                throw Problem(.badRequest, "\(field): must be sha256:… or a path, not a step's output", field: field)
            }
            for (number, call) in order.tasks.enumerated() {
                try check(call, at: body.place(index, "tasks[\(number)]"))
            }
        }
    }

    private func check(_ call: TaskCall, at place: String) throws(Problem) {
        guard let task = tasks[call.name] else {
            throw Problem(
                .unprocessableContent, "\(place): there is no task ‘\(call.name)’; there are \(names)", field: place)
        }
        do throws(InvalidValue) {
            if call.parameters.isEmpty {
                if let problem = problems[call.name] { throw problem }
            } else {
                try validate(call.name, task.parameters.merging(call.parameters) { _, order in order })
            }
        } catch {
            let field = error.field.isEmpty ? "\(place).parameters" : "\(place).parameters.\(error.field)"
            throw Problem(.unprocessableContent, error, at: field)
        }
    }
}
