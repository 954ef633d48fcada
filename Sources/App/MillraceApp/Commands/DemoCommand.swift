import ArgumentParser
import MillraceCore
import MillracePorts
import Platform

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Sample orders on real photographs: replicas come with the demand and go with it.")
    @Option(help: "orders to run") var orders = 24
    @Option(help: "the folder of photographs (Examples/photos, where it is found)") var photos: String?
    @OptionGroup var flags: SettingFlags

    func run() async throws {
        guard (1...10_000).contains(orders) else { throw ValidationError("--orders must be 1 to 10000") }
        let sample = try DemoSample(photos: photos, count: orders)
        let folder = "\(OwnProcess.environment["TMPDIR"] ?? "/tmp")/millrace-demo-\(OwnProcess.pid)"
        do throws(SystemError) {
            try Files.makeFolder(folder)
            try Files.write(Array(DemoSample.configuration.utf8), to: folder + "/millrace.yaml")
            try Files.write(sample.file, to: folder + "/orders.json")
        } catch {
            throw Failure(.failed, "millrace: \(error)")
        }
        var flags = flags
        flags.config = flags.config ?? folder + "/millrace.yaml"
        let settings = try flags.settings(over: ["data": folder + "/data", "port": "0", "logLevel": "warning"])
        let (machine, lock) = try await Machine.open(Adapters(settings, label: "demo"))
        Output.line("millrace demo: \(orders) orders of 3 to 5 tasks on \(sample.photoCount) photographs, in \(folder)")
        try await machine.run { url in
            try await MillraceClient.with(base: url) { client in
                try await DemoRun(client: client, folder: folder, count: sample.count).run()
            }
        }
        lock.unlock()
    }
}

/// The demo's orders.
struct DemoSample {
    let file: [UInt8]
    let photoCount: Int
    let count: Int

    /// Replicas leave soon after the last order, so that one need not wait to see it.
    static let configuration = """
        tasks:
          resize: { builtin: resize, parameters: { width: 1024 } }
          thumbnail: { builtin: thumbnail }
          grayscale: { builtin: grayscale }
          blur: { builtin: blur }
          sharpen: { builtin: sharpen }
          edges: { builtin: edges }
          rotate: { builtin: rotate }
          convert: { builtin: convert, parameters: { format: webp } }
        scaling: { policy: threshold, ordersPerReplica: 6, min: 0, max: 3, idleTimeout: 2s }
        """

    private static let chains: [[String]] = [
        ["resize", "sharpen", "convert"], ["resize", "blur", "edges", "thumbnail"],
        ["rotate", "grayscale", "thumbnail"],
        ["resize", "grayscale", "blur", "sharpen", "convert"], ["blur", "rotate", "resize"],
    ]

    init(photos: String?, count: Int) throws(Failure) {
        let folder = try Self.folder(photos)
        let names = ((try? Files.names(in: folder)) ?? []).sorted().filter { name in
            [".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"].contains { name.hasSuffix($0) }
        }
        guard !names.isEmpty else { throw Failure(.failed, "millrace: there are no photographs in \(folder)") }
        var writer = JSONWriter(capacity: 128 * count)
        writer.beginArray()
        for number in 0..<count {
            writer.beginObject()
            let digits = String(number + 1)
            writer.field("id", "demo-" + String(repeating: "0", count: max(0, 3 - digits.count)) + digits)
            writer.field("image", "\(folder)/\(names[number % names.count])")
            writer.key("tasks")
            writer.beginArray()
            for task in Self.chains[number % Self.chains.count] { writer.string(task) }
            writer.endArray()
            writer.endObject()
        }
        writer.endArray()
        file = writer.bytes
        photoCount = names.count
        self.count = count
    }

    /// The folder named, or `Examples/photos` here or above the executable.
    static func folder(_ named: String?) throws(Failure) -> String {
        if let named { return named }
        var places = ["Examples/photos"]
        var parent = Adapters.ownPath[...]
        while let slash = parent.lastIndex(of: "/") {
            parent = parent[..<slash]
            places.append(parent + "/Examples/photos")
        }
        guard let found = places.first(where: { Files.exists($0) }) else {
            throw Failure(
                .usage, "millrace: no Examples/photos here or above the executable; name a folder by --photos DIR")
        }
        return found.hasPrefix("/") ? found : Self.currentFolder + "/" + found
    }

    private static var currentFolder: String { OwnProcess.environment["PWD"] ?? "." }
}
