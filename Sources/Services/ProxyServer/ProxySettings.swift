public import MillraceCore

/// Checks a task's parameters, the configuration's with the order's over them.
/// - Throws: the parameter's name and what is wrong with it.
public typealias ParameterValidator = @Sendable (TaskName, [String: JSONValue]) throws(InvalidValue) -> Void

public struct ProxySettings: Sendable {
    /// The address to listen on.
    public var host: String
    /// 0 for any that is free.
    public var port: Int
    /// The folder that image paths in requests are relative to; nil where requests may name no paths.
    public var imageRoot: String?
    /// The most bytes of a request with orders.
    public var orderBodyLimit: Int
    /// The most bytes of one order as JSON: buses take a MiB a record, and a step's report comes on top of its order.
    public var orderLimit: Int
    /// The most orders of one request.
    public var ordersPerRequest: Int
    /// The most bytes of an uploaded image.
    public var imageLimit: Int
    /// The tasks that orders may name.
    public var tasks: [TaskName: TaskDefinition]
    /// Orders that wait in memory to be published; more are left to the store, which has them all anyway.
    public var queueLimit: Int
    /// How long publishing may go on after the last request when the service is to stop.
    public var drainLimit: Duration
    public var validate: ParameterValidator
    public var now: @Sendable () -> Timestamp
    public var sleep: @Sendable (Duration) async throws -> Void

    public init(
        host: String = "127.0.0.1", port: Int = 0, imageRoot: String? = nil, orderBodyLimit: Int = 1 << 20,
        orderLimit: Int = 512 << 10, ordersPerRequest: Int = 1000, imageLimit: Int = 64 << 20,
        tasks: [TaskName: TaskDefinition], queueLimit: Int = 10_000, drainLimit: Duration = .seconds(10),
        validate: @escaping ParameterValidator, now: @escaping @Sendable () -> Timestamp,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.host = host
        self.port = port
        self.imageRoot = imageRoot
        self.orderBodyLimit = orderBodyLimit
        self.orderLimit = orderLimit
        self.ordersPerRequest = ordersPerRequest
        self.imageLimit = imageLimit
        self.tasks = tasks
        self.queueLimit = queueLimit
        self.drainLimit = drainLimit
        self.validate = validate
        self.now = now
        self.sleep = sleep
    }
}
