import HTTPTypes
import Hummingbird
import MillraceCore
import Synchronization

/// What the service counts itself.
final class Counters: Sendable {
    private struct Key: Hashable {
        var route: String
        var method: String
        var status: Int
    }

    private struct State {
        var requests: [Key: Int] = [:]
        var accepted = 0
        var isStoreFailing = false
    }

    private let state = Mutex(State())
    private static let known: Set<HTTPRequest.Method> = [.get, .head, .post, .put, .delete, .patch, .options]

    /// Routes, not paths, and no methods but those known: so the number of counters is bounded.
    func count(_ route: Route?, _ method: HTTPRequest.Method, _ status: HTTPResponse.Status) {
        let key = Key(
            route: route?.template ?? "none", method: Self.known.contains(method) ? method.rawValue : "other",
            status: status.code)
        state.withLock { $0.requests[key, default: 0] += 1 }
    }

    func accepted(_ orders: Int) {
        state.withLock { $0.accepted += orders }
    }

    /// Notes how taking orders went.
    /// - Returns: whether that is news: a store that is away is told once, not with each request.
    func stored(successfully: Bool) -> Bool {
        state.withLock { state in
            defer { state.isStoreFailing = !successfully }
            return state.isStoreFailing == successfully
        }
    }

    func write(to page: inout MetricsPage) {
        let (requests, accepted) = state.withLock { ($0.requests, $0.accepted) }
        page.begin("millrace_http_requests_total", .counter, "Requests answered, by route, method and status.")
        for (key, count) in requests.sorted(by: {
            ($0.key.route, $0.key.method, $0.key.status) < ($1.key.route, $1.key.method, $1.key.status)
        }) {
            page.sample(
                "millrace_http_requests_total",
                [("route", key.route), ("method", key.method), ("status", String(key.status))], count)
        }
        page.add("millrace_orders_accepted_total", .counter, "New orders taken.", accepted)
    }
}

/// Prometheus' text format, version 0.0.4.
struct MetricsPage {
    enum Kind: String { case counter, gauge }

    private(set) var text = ""

    mutating func add(_ name: String, _ kind: Kind, _ help: String, _ value: Int) {
        begin(name, kind, help)
        sample(name, [], value)
    }

    mutating func begin(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    /// Our labels need no escaping: routes, methods, numbers and names of tasks.
    mutating func sample(_ name: String, _ labels: [(String, String)], _ value: Int) {
        text += name
        if !labels.isEmpty { text += "{" + labels.map { "\($0)=\"\($1)\"" }.joined(separator: ",") + "}" }
        text += " \(value)\n"
    }

    mutating func add(_ tasks: [TaskDocument]) {
        add("millrace_task_running", "Steps of the task that run.", tasks) { $0.demand.running }
        add("millrace_task_upcoming", "Steps of the task that orders will come to.", tasks) { $0.demand.upcoming }
        add("millrace_task_replicas_desired", "Replicas decided on.", tasks) { $0.desired }
        add("millrace_task_replicas_current", "Replicas ready; absent when not known.", tasks) { $0.current }
        add("millrace_task_partitions", "Partitions of the task's topic; absent when not known.", tasks) {
            $0.partitions
        }
        add("millrace_task_lag", "Records not done yet; absent when not known.", tasks) { $0.lag }
    }

    private mutating func add(
        _ name: String, _ help: String, _ tasks: [TaskDocument], _ value: (TaskDocument) -> Int?
    ) {
        begin(name, .gauge, help)
        for task in tasks {
            if let value = value(task) { sample(name, [("task", task.task.text)], value) }
        }
    }
}
