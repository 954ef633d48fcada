import Hummingbird
import HummingbirdCore
import MillraceCore
import MillracePorts

// `GET /v1/orders/{id}/usage` and `GET /v1/tasks/{task}/usage`.
extension ProxyResponder {
    func usage(ofOrder id: String, _ request: Request) async throws -> Response {
        let query = try OrderUsageQuery(request.uri)
        let record = try await record(id)
        var series = try await usage.usage(of: record.order.id)
        series.removeAll { series in
            (query.task.map { $0 != series.task } ?? false) || (query.resource.map { $0 != series.resource } ?? false)
        }
        if let points = query.points { series = series.map { $0.downsampled(to: points) } }
        return .json(.ok, OrderUsageDocument(record: record, series: series).encoded)
    }

    func usage(ofTask name: String, _ request: Request) async throws -> Response {
        let query = try TaskUsageQuery(request.uri)
        let task: TaskName
        do throws(InvalidValue) { task = try TaskName(name) } catch { throw Problem(.badRequest, error, at: "task") }
        let steps = try await usage.finishedSteps(of: task, limit: query.limit)
        let isKnown = settings.tasks[task] != nil
        guard isKnown || !steps.isEmpty else { throw Problem(.notFound, "There is no task ‘\(task)’.") }
        let samples = try await usage.usage(
            of: task, limit: min(query.limit, TaskUsageQuery.profileSteps), points: Self.points)
        let decisions = try await store.decisions(for: task, limit: ScalingDecision.keptPerTask)
        return .json(
            .ok,
            TaskUsageDocument(task: task, steps: steps, samples: samples, shown: query.samples, decisions: decisions)
                .encoded)
    }

    /// The most points of each of a task's series: as many as a picture has room for.
    private static let points = 600
}

/// The query of an order's usage.
struct OrderUsageQuery: Hashable {
    var task: TaskName?
    var resource: Resource?
    /// The most points of each series.
    var points: Int?

    init(_ uri: URI) throws(Problem) {
        try Query.read(uri, known: ["task", "resource", "points"]) { (key, value) throws(InvalidValue) in
            switch key {
            case "task": task = try TaskName(value)
            case "resource":
                guard let resource = Resource(name: value) else {
                    let names = Resource.allCases.map(\.name).joined(separator: ", ")
                    throw InvalidValue(field: key, "must be one of \(names)")
                }
                self.resource = resource
            default: points = try Query.number(value, in: 1...100_000)
            }
        }
    }
}

/// The query of a task's usage.
struct TaskUsageQuery: Hashable {
    /// Of the latest so many steps.
    var limit = 1000
    /// So many steps' samples are told in full.
    var samples = 0

    /// Steps whose samples make a task's profile: enough for its 5th and 95th percentile.
    static let profileSteps = 200

    init(_ uri: URI) throws(Problem) {
        try Query.read(uri, known: ["limit", "samples"]) { (key, value) throws(InvalidValue) in
            switch key {
            case "limit": limit = try Query.number(value, in: 1...100_000)
            default: samples = try Query.number(value, in: 0...Self.profileSteps)
            }
        }
    }
}

/// The parameters of a request, each known and there once.
enum Query {
    static func read(
        _ uri: URI, known: [String], _ take: (String, String) throws(InvalidValue) -> Void
    ) throws(Problem) {
        var seen: Set<String> = []
        for (key, value) in uri.queryParameters {
            let key = String(key)
            do throws(InvalidValue) {
                guard known.contains(key) else {
                    throw InvalidValue(
                        field: key, "is no parameter of this; those are \(known.joined(separator: ", "))")
                }
                guard seen.insert(key).inserted else { throw InvalidValue(field: key, "is there twice") }
                try take(key, String(value))
            } catch {
                throw Problem(.badRequest, InvalidValue(field: key, error.problem), at: key)
            }
        }
    }

    static func number(_ text: String, in range: ClosedRange<Int>) throws(InvalidValue) -> Int {
        guard let number = Int(text), range.contains(number) else {
            throw InvalidValue(field: "", "must be from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }
}
