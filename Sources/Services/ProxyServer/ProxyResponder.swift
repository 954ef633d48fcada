import HTTPTypes
import Hummingbird
import Logging
import MillraceCore
import MillracePorts

/// Answers requests: finds the route, has it handled, turns errors into problems, and counts.
///
/// There are eleven routes, so a router would be more than they need; this way a path with another method is a 405.
struct ProxyResponder: HTTPResponder {
    typealias Context = BasicRequestContext

    let settings: ProxySettings
    let bus: any MessageBus
    let store: any OrderStore
    let usage: any UsageStore
    let images: any ImageStore
    let pump: PublishPump
    let logger: Logger
    let check: OrderCheck
    let counters = Counters()

    init(
        settings: ProxySettings, bus: any MessageBus, store: any OrderStore, usage: any UsageStore,
        images: any ImageStore, pump: PublishPump, logger: Logger
    ) {
        self.settings = settings
        self.bus = bus
        self.store = store
        self.usage = usage
        self.images = images
        self.pump = pump
        self.logger = logger
        check = OrderCheck(settings)
    }

    /// - Throws: only what a connection that breaks throws.
    func respond(to request: Request, context: Context) async throws -> Response {
        let route = Route(path: request.uri.path)
        var response: Response
        do {
            response = try await handle(request, route, context)
        } catch let problem as Problem {
            response = problem.response
        } catch let error as StoreError {
            response = answer(Problem(error), to: error, of: request)
        } catch let error as ImageStoreError {
            response = answer(Problem(error), to: error, of: request)
        }
        if request.method == .head { response = response.createHeadResponse() }
        counters.count(route, request.method, response.status)
        logger.debug("\(request.method) \(request.uri.path) \(response.status.code)")
        return response
    }

    /// What is away comes back, and `readyz` tells of it meanwhile; what cannot be read needs somebody.
    private func answer(_ problem: Problem, to error: any Error, of request: Request) -> Response {
        let level: Logger.Level = problem.status == .internalServerError ? .error : .debug
        logger.log(level: level, "\(request.method) \(request.uri.path): \(error)")
        return problem.response
    }

    private func handle(_ request: Request, _ route: Route?, _ context: Context) async throws -> Response {
        guard let route else { throw Problem(.notFound, "There is nothing at \(request.uri.path).") }
        guard route.methods.contains(request.method) else {
            var problem = Problem(.methodNotAllowed, "\(route.template) does not take \(request.method.rawValue).")
            problem.allow = route.methods
            throw problem
        }
        switch route {
        case .orders: return try await request.method == .post ? submit(request) : list(request)
        case .order(let id): return try await order(id)
        case .orderUsage(let id): return try await usage(ofOrder: id, request)
        case .stepOutput(let id, let step): return try await output(of: step, in: id, context)
        case .images: return try await upload(request)
        case .tasks: return try await tasks()
        case .taskUsage(let task): return try await usage(ofTask: task, request)
        case .livez: return .text("ok\n")
        case .readyz: return await readiness(isVerbose: try Self.isVerbose(request))
        case .metrics: return await metrics()
        case .openAPI: return .json(.ok, openAPIDocument)
        }
    }
}

extension Response {
    static func json(_ status: HTTPResponse.Status, _ bytes: [UInt8], headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    static func text(_ text: String, status: HTTPResponse.Status = .ok, type: String = "text/plain; charset=utf-8")
        -> Response
    {
        Response(status: status, headers: [.contentType: type], body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}
