import ArgumentParser
import Glibc
import MillraceCore
import MillracePorts
import Platform
import Synchronization

/// Orders over HTTP, each answered when it is on disk.
struct BenchIngest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ingest", abstract: "POST /v1/orders over kept connections, each answered when on disk.")
    @Option(help: "connections, each with one request at a time") var connections = 32
    @Option(help: "orders in all") var orders = 60_000
    @OptionGroup var options: BenchOptions

    func run() async throws {
        guard (1...1024).contains(connections), orders >= connections else {
            throw ValidationError("--connections must be 1 to 1024, --orders at least as many")
        }
        let (connections, orders, output) = (connections, orders, options.output)
        let yaml = "tasks:\n  noop: { builtin: noop }\n"
        try await BenchSite.with(yaml: yaml, options.flags, fixed: ["port": "0"]) { site in
            let (adapters, folder) = (site.adapters, site.folder)
            let bus = try await adapters.bus()
            let stores = try await adapters.stores()
            let images = try await adapters.images()
            let (image, _) = try await images.add(AsyncBytes(Array("an image that no task looks at".utf8)))
            let (ports, listening) = AsyncStream.makeStream(of: Int.self, bufferingPolicy: .bufferingNewest(1))
            let figures = Mutex(Figures())
            let box = FiguresBox(figures)
            try await adapters.serve([
                adapters.proxyServer(bus: bus, stores: stores, images: images) { listening.yield($0) },
                BenchSide {
                    for await port in ports {
                        let load = HTTPLoad(port: port, connections: connections, requests: orders, image: image)
                        let cpuBefore = OwnProcesses.cpuSeconds()
                        let latencies = await NamedThread.run("bench-load") { load.run() }
                        let cpu = OwnProcesses.cpuSeconds() - cpuBefore
                        box.fill(latencies, orders, cpu, syncSeconds: Self.syncSeconds(folder))
                        return
                    }
                },
            ]) {
                await stores.close()
                await bus.close()
            }
            let found = box.figures
            guard !found.fields.isEmpty else {
                throw Failure(.failed, "millrace: not every request was answered with 202")
            }
            found.show(asJSON: output == .json)
        }
    }

    /// The median of 200 syncs of a small write on the same disk.
    private static func syncSeconds(_ folder: String) -> Double {
        guard let file = try? Files.open(folder + "/sync", O_WRONLY | O_CREAT) else { return 0 }
        defer { close(file) }
        var times: [Double] = []
        for _ in 0..<200 {
            try? Files.write(Array(repeating: 7, count: 500), to: file, path: "sync")
            let start = ContinuousClock.now
            fdatasync(file)
            times.append((ContinuousClock.now - start).inSeconds)
        }
        return Distribution.quantile(0.5, of: times.sorted())
    }
}

private final class FiguresBox: Sendable {
    private let value: Mutex<Figures>
    init(_ value: consuming sending Mutex<Figures>) { self.value = value }
    var figures: Figures { value.withLock { $0 } }

    func fill(_ load: HTTPLoad.Outcome?, _ orders: Int, _ cpu: Double, syncSeconds: Double) {
        guard let load else { return }
        value.withLock { figures in
            figures.set("requestsPerSecond", Double(orders) / load.seconds)
            figures.set("cpuSecondsPerThousandRequests", (cpu - load.clientCPU) / Double(orders) * 1000)
            figures.set("clientCPUSecondsPerThousandRequests", load.clientCPU / Double(orders) * 1000)
            figures.set("latencySeconds", percentiles: load.latencies)
            figures.set("fdatasyncSeconds", syncSeconds)
        }
    }
}
