import ArgumentParser
import MillraceCore

struct UsageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "usage",
        abstract: "CPU, RAM and DISK of an order, by step and second; of a task, as a distribution.",
        discussion: """
            `usage ID` shows each step's totals, then its samples: CPU in cores, RAM in bytes that are resident, DISK in \
            bytes read and written a second, each over the interval that ends at that second of the order.
            `usage --task T` shows what to expect of a step of the task, and how far each order's step is from it.
            What could not be read is shown as –, and is null or missing in JSON and CSV: never 0.
            """)
    @Argument(help: "the order") var id: String?
    @Option(help: "a task, over all orders") var task: String?
    @Option(help: "only this resource: cpu, ram or disk") var resource: String?
    @Option(help: "at most so many samples of each step and resource; minima and maxima are kept") var points: Int?
    @Option(help: "of a task: its latest so many steps (1000)") var limit: Int?
    @Option(help: "where Millrace listens (or MILLRACE_URL; else \(ClientOptions.defaultURL))") var url: String?
    @Option(name: [.customShort("o"), .customLong("output")], help: "text, json or csv") var format: OutputFormat =
        .text

    func validate() throws {
        guard (id == nil) != (task == nil) else { throw ValidationError("give an order's id or --task T") }
        if let resource, Resource(name: resource) == nil {
            throw ValidationError("--resource must be cpu, ram or disk, not ‘\(resource)’")
        }
        guard (1...100_000).contains(points ?? 1) else { throw ValidationError("--points must be 1 to 100000") }
        guard (1...100_000).contains(limit ?? 1) else { throw ValidationError("--limit must be 1 to 100000") }
        if task != nil, resource != nil || points != nil {
            throw ValidationError("--resource and --points are of an order's samples, not of --task")
        }
        if id != nil, limit != nil { throw ValidationError("--limit is of --task, not of an order") }
    }

    func run() async throws {
        var options = ClientOptions()
        options.url = url
        if let id {
            let id = try OrderID(argument: id)
            let (resource, points) = (resource, points)
            let usage = try await MillraceClient.with(options) { client in
                try await client.usage(of: id, resource: resource, points: points)
            }
            show(usage)
        } else if let task {
            let task = try TaskName(argument: task)
            let limit = limit ?? 1000
            show(try await MillraceClient.with(options) { try await $0.usage(of: task, limit: limit, samples: 0) })
        }
    }

    private func show(_ usage: OrderUsageView) {
        switch format {
        case .json: Output.line(String(decoding: usage.json, as: UTF8.self))
        case .csv: for line in usage.csv { Output.line(line) }
        case .text:
            usage.totalsTable.show()
            Output.line("")
            guard !usage.samples.isEmpty else {
                return Output.line("no samples: a step shorter than 10 ms has its totals alone")
            }
            usage.samplesTable.show()
        }
    }

    private func show(_ usage: TaskUsageView) {
        switch format {
        case .json: Output.line(String(decoding: usage.json, as: UTF8.self))
        case .csv: for line in usage.csv { Output.line(line) }
        case .text:
            usage.expectedTable.show()
            Output.line("")
            usage.stepsTable(limit: 20).show()
            if usage.steps.count > 20 { Output.line("… and \(usage.steps.count - 20) earlier ones: -o csv has all") }
        }
    }
}

extension TaskName {
    /// A name that was typed; one that no task can have is wrong usage.
    init(argument: String) throws(Failure) {
        do throws(InvalidValue) { try self.init(argument) } catch {
            throw Failure(.usage, "millrace: ‘\(Wording.oneLine(argument))’ is no task's name: it \(error.problem)")
        }
    }
}

extension MillraceClient {
    /// - Throws: `noSuchOrder`.
    func usage(of id: OrderID, resource: String? = nil, points: Int? = nil) async throws -> OrderUsageView {
        let query = [resource.map { "resource=\($0)" }, points.map { "points=\($0)" }].compactMap(\.self)
        let path = "/v1/orders/\(id)/usage" + (query.isEmpty ? "" : "?\(query.joined(separator: "&"))")
        let answer = try await get(path)
        if answer.status == 404, ServiceProblem(answer) != nil {
            throw Failure(.noSuchOrder, "millrace: there is no order ‘\(id)’")
        }
        guard answer.isSuccess else { throw failure(answer) }
        return try reading { () throws(JSONError) in try OrderUsageView(json: answer.body) }
    }

    func usage(of task: TaskName, limit: Int, samples: Int) async throws -> TaskUsageView {
        guard let usage = try await usageIfKnown(of: task, limit: limit, samples: samples) else {
            throw Failure(.failed, "millrace: there is no task ‘\(task)’")
        }
        return usage
    }

    /// nil for a task that the service does not know: of an order that was made for another configuration.
    func usageIfKnown(of task: TaskName, limit: Int, samples: Int) async throws -> TaskUsageView? {
        let answer = try await get("/v1/tasks/\(task)/usage?limit=\(limit)&samples=\(samples)")
        if answer.status == 404, ServiceProblem(answer) != nil { return nil }
        guard answer.isSuccess else { throw failure(answer) }
        return try reading { () throws(JSONError) in try TaskUsageView(json: answer.body) }
    }
}
