import HTTPTypes
import HummingbirdTesting
import Logging
import MillraceCore
import MillracePorts
import NIOCore
import ProxyServer
import ServiceLifecycle
import Testing

/// What a service under test stands on; it outlives the service, as a disk does.
struct World: Sendable {
    let bus = InMemoryBus()
    let store = WatchedStore()
    let usage: InMemoryUsageStore
    let images: InMemoryImageStore
    let sleeper = Sleeper()

    init() async throws {
        images = try InMemoryImageStore(limit: 1 << 20)
        usage = InMemoryUsageStore(orders: store.base)
        for topic in [Topic.orchestrator, Topic.system, Topic.resource, Topic.deadLetter, "resize", "blur"] {
            try await bus.createTopic(topic, partitions: 1, retention: .seconds(600))
        }
    }

    /// The next START that has not been read from this reader yet.
    func starts() async throws -> StartReader {
        StartReader(reader: try await bus.read(topic: Topic.orchestrator, from: [0: 0]))
    }

    /// Runs a server over this world, on any free port, for as long as `body` takes; then it stops gracefully.
    func serve(
        _ change: (inout ProxySettings) -> Void = { _ in }, _ body: (Client) async throws -> Void
    ) async throws {
        var settings = ProxySettings(
            tasks: try Self.tasks(), validate: Self.validate, now: { Timestamp(microseconds: 1_000_000) },
            sleep: { [sleeper] in try await sleeper.sleep($0) })
        change(&settings)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        let service = ProxyServerService(
            settings: settings, bus: bus, store: store, usage: usage, images: images, logger: logger
        ) { port.yield($0) }
        let group = ServiceGroup(configuration: .init(services: [service], logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                defer { port.finish() }
                try await group.run()
            }
            let found = await ports.first { _ in true }
            let client = TestClient(host: "127.0.0.1", port: try #require(found))
            client.connect()
            do {
                try await body(Client(client: client))
            } catch {
                try? await client.shutdown()
                tasks.cancelAll()
                throw error
            }
            try await client.shutdown()
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    static func tasks() throws -> [TaskName: TaskDefinition] {
        let resize = TaskDefinition(
            name: try TaskName("resize"), kind: .builtin("resize"), parameters: ["width": 1024])
        let blur = TaskDefinition(name: try TaskName("blur"), kind: .builtin("blur"))
        return [resize.name: resize, blur.name: blur]
    }

    static func validate(_ task: TaskName, _ parameters: [String: JSONValue]) throws(InvalidValue) {
        guard task.text == "resize" else { return }
        guard let width = parameters["width"]?.asInteger, width > 0 else {
            throw InvalidValue(field: "width", "must be a number above 0")
        }
    }

    /// Keeps an image and returns its reference.
    func image(_ bytes: [UInt8] = [1, 2, 3]) async throws -> String {
        let chunks = AsyncThrowingStream<[UInt8], any Error> { continuation in
            continuation.yield(bytes)
            continuation.finish()
        }
        return try await images.add(chunks).0.description
    }
}

struct StartReader: Sendable {
    let reader: any TopicReader

    /// Waits for the next START.
    func next() async throws -> (order: Order, trace: String?) {
        let record = try #require(try await reader.next(limit: 1).first)
        guard case .start(let order) = try OrchestratorMessage.decode(key: record.key, value: record.value) else {
            throw Unexpected()
        }
        return (order, record.header(Header.traceparent))
    }

    struct Unexpected: Error {}
}

/// A connection to the server under test.
struct Client: Sendable {
    let client: TestClient

    func get(_ path: String, method: HTTPRequest.Method = .get) async throws -> Answer {
        Answer(try await client.execute(.init(path, method: method)))
    }

    func post(_ path: String, _ body: String, headers: HTTPFields = [:]) async throws -> Answer {
        try await post(path, bytes: Array(body.utf8), headers: headers)
    }

    func post(_ path: String, bytes: [UInt8], headers: HTTPFields = [:]) async throws -> Answer {
        Answer(try await client.post(path, headers: headers, body: ByteBuffer(bytes: bytes)))
    }
}

struct Answer: Sendable {
    let status: Int
    let headers: HTTPFields
    let bytes: [UInt8]

    init(_ response: TestClient.Response) {
        status = response.status.code
        headers = response.headers
        bytes = response.body.map { Array(buffer: $0) } ?? []
    }

    var text: String { String(decoding: bytes, as: UTF8.self) }

    func json() throws -> [String: JSONValue] {
        try #require(try JSONValue(parsing: bytes).asObject)
    }

    /// Checks that it is a problem as RFC 9457 has it, and returns the field that it is about.
    func problem(_ status: Int, sourceLocation: SourceLocation = #_sourceLocation) throws -> String? {
        #expect(self.status == status, "\(text)", sourceLocation: sourceLocation)
        #expect(headers[.contentType] == "application/problem+json", sourceLocation: sourceLocation)
        let json = try json()
        #expect(json["status"] == .integer(status), sourceLocation: sourceLocation)
        #expect(json["type"] == "about:blank", sourceLocation: sourceLocation)
        for key in ["title", "detail"] {
            #expect(json[key]?.asString?.isEmpty == false, sourceLocation: sourceLocation)
        }
        return json["field"]?.asString
    }
}

func order(_ id: String, _ image: String, _ tasks: String = "[\"resize\", \"blur\"]") -> String {
    "{\"id\": \"\(id)\", \"image\": \"\(image)\", \"tasks\": \(tasks)}"
}
