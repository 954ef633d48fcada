import HTTPTypes
import Hummingbird

/// What a request's path names. Parameters are as they stand there, not yet checked.
enum Route: Hashable {
    case orders
    case order(String)
    case orderUsage(String)
    case stepOutput(order: String, step: String)
    case images
    case tasks
    case taskUsage(String)
    case livez
    case readyz
    case metrics
    case openAPI

    /// - Returns: nil for a path that names nothing.
    init?(path: String) {
        if path == "/v1/orders" {
            self = .orders
            return
        }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(Self.decoded)
        guard !parts.contains("") else { return nil }
        switch parts.count {
        case 1 where parts[0] == "livez": self = .livez
        case 1 where parts[0] == "readyz": self = .readyz
        case 1 where parts[0] == "metrics": self = .metrics
        case 1 where parts[0] == "openapi.json": self = .openAPI
        case 2 where parts[0] == "v1" && parts[1] == "orders": self = .orders
        case 2 where parts[0] == "v1" && parts[1] == "images": self = .images
        case 2 where parts[0] == "v1" && parts[1] == "tasks": self = .tasks
        case 3 where parts[0] == "v1" && parts[1] == "orders": self = .order(parts[2])
        case 4 where parts[0] == "v1" && parts[1] == "orders" && parts[3] == "usage": self = .orderUsage(parts[2])
        case 4 where parts[0] == "v1" && parts[1] == "tasks" && parts[3] == "usage": self = .taskUsage(parts[2])
        case 6 where parts[0] == "v1" && parts[1] == "orders" && parts[3] == "steps" && parts[5] == "output":
            self = .stepOutput(order: parts[2], step: parts[4])
        default: return nil
        }
    }

    /// Each route once, with any parameters.
    static let all: [Route] = [
        .orders, .order("id"), .orderUsage("id"), .stepOutput(order: "id", step: "n"), .images, .tasks,
        .taskUsage("task"), .livez, .readyz, .metrics, .openAPI,
    ]

    /// The path as OpenAPI and metrics have it, of which there are only as many as there are routes.
    var template: String {
        switch self {
        case .orders: "/v1/orders"
        case .order: "/v1/orders/{id}"
        case .orderUsage: "/v1/orders/{id}/usage"
        case .stepOutput: "/v1/orders/{id}/steps/{n}/output"
        case .images: "/v1/images"
        case .tasks: "/v1/tasks"
        case .taskUsage: "/v1/tasks/{task}/usage"
        case .livez: "/livez"
        case .readyz: "/readyz"
        case .metrics: "/metrics"
        case .openAPI: "/openapi.json"
        }
    }

    var methods: [HTTPRequest.Method] {
        switch self {
        case .orders: [.get, .head, .post]
        case .images: [.post]
        default: [.get, .head]
        }
    }

    /// Without percent-encoding; what is not encoded rightly stays, and is refused as the value that it is.
    private static func decoded(_ part: Substring) -> String {
        guard part.utf8.contains(UInt8(ascii: "%")) else { return String(part) }
        var bytes: [UInt8] = []
        var rest = Array(part.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
