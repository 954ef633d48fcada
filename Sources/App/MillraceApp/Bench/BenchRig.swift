import Glibc
import Logging
import MillraceCore
import MillracePorts
import Platform
import ServiceLifecycle

/// A whole Millrace in a temporary folder, as `up` runs it, for as long as a bench takes.
struct BenchRig: Sendable {
    let adapters: Adapters
    let bus: any MessageBus
    let stores: Stores
    let images: any ImageStore
    /// An image that is stored, for orders to name.
    let image: ImageReference

    var store: any OrderStore { stores.orders }

    /// - Parameters:
    ///   - yaml: the configuration, which the workers read too.
    ///   - decides: whether monitor-system runs; without it, `body` says how many replicas there are.
    ///   - body: runs beside the services; they stop when it returns.
    static func run<Value: Sendable>(
        yaml: String, _ flags: SettingFlags, decides: Bool = true,
        _ body: @escaping @Sendable (BenchRig) async throws -> Value
    ) async throws -> Value {
        try await BenchSite.with(yaml: yaml, flags) { site in
            let adapters = site.adapters
            let bus = try await adapters.bus()
            let stores = try await adapters.stores()
            let images = try await adapters.images()
            let (image, _) = try await images.add(AsyncBytes(Array("an image that no task looks at".utf8)))
            let rig = BenchRig(adapters: adapters, bus: bus, stores: stores, images: images, image: image)
            let fleet = try adapters.fleet()
            let result = BenchResult<Value>()
            var services: [any Service] = [
                adapters.monitorResources(bus: bus, usage: stores.usage), FleetService(fleet: fleet),
                adapters.orchestrator(bus: bus, fleet: fleet),
            ]
            if decides { services.append(adapters.monitorSystem(bus: bus, store: stores.orders)) }
            services.append(BenchSide { await result.set(Result.catching { try await body(rig) }) })
            try await adapters.serve(services) {
                await stores.close()
                await bus.close()
            }
            guard let value = await result.value else { throw Failure(.failed, "millrace: a service ended early") }
            return try value.get()
        }
    }

    /// Takes orders as proxy-server does: the row, the START, the mark.
    func submit(_ orders: [Order]) async throws {
        let outbox = try await Outbox(bus: bus)
        let now = Adapters.now()
        for start in stride(from: 0, to: orders.count, by: 500) {
            let part = orders[start..<min(start + 500, orders.count)]
            _ = try await store.insert(part.map { NewOrder(order: $0, contentHash: $0.id.text, submittedAt: now) })
            try await bus.publish(part.map { outbox.record(.start($0), trace: nil) })
            try await store.markPublished(part.map(\.id))
        }
    }

    /// Waits until a task's replicas are so many and ready.
    func waitForReplicas(_ count: Int, of tasks: [TaskName]) async throws {
        for task in tasks {
            // Until the orchestrator has made the topic, and while its group is not settled, there is no answer.
            while await (try? bus.describe(group: task.text, topic: task.text).members.count) ?? 0 < count {
                try await Task.sleep(for: .milliseconds(10))
            }
        }
    }

    /// Follows the system topic from its end on.
    func follow() async throws -> SystemFollower {
        let topic = try await bus.describe(topic: Topic.system)
        let offsets = Dictionary(uniqueKeysWithValues: topic.partitions.map { ($0.number, $0.end) })
        return SystemFollower(reader: try await bus.read(topic: Topic.system, from: offsets))
    }
}

/// Messages of the system topic as they come.
struct SystemFollower: Sendable {
    let reader: any TopicReader

    /// Calls `take` with each message until it returns false.
    func each(_ take: (SystemMessage) -> Bool) async throws {
        while true {
            let records = try await reader.next(limit: 1000)
            if records.isEmpty { throw CancellationError() }
            for record in records {
                guard let message = try? SystemMessage.decode(key: record.key, value: record.value) else { continue }
                if !take(message) { return }
            }
        }
    }
}

/// Something that runs beside the services; they stop when it ends.
struct BenchSide: Service {
    let body: @Sendable () async -> Void

    init(_ body: @escaping @Sendable () async -> Void) { self.body = body }

    func run() async throws { await body() }
}

private actor BenchResult<Value: Sendable> {
    private(set) var value: Result<Value, any Error>?
    func set(_ value: Result<Value, any Error>) { self.value = value }
}

extension Result where Failure == any Error {
    static func catching(_ body: () async throws -> Success) async -> Result {
        do { return .success(try await body()) } catch { return .failure(error) }
    }
}

/// Bytes as a sequence of one chunk.
struct AsyncBytes: AsyncSequence, Sendable {
    typealias Element = [UInt8]
    typealias Failure = any Error
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    struct AsyncIterator: AsyncIteratorProtocol {
        var bytes: [UInt8]?
        mutating func next() async throws -> [UInt8]? {
            defer { bytes = nil }
            return bytes
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(bytes: bytes) }
}
