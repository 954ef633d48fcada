import Foundation
import MillraceCore
import MillracePorts
import Testing

@testable import ImageTasks

/// A folder that lasts for one test, with what it takes to run image tasks and look at what they leave.
final class Workbench: Sendable {
    let folder: String

    init() throws {
        folder = NSTemporaryDirectory() + "image-tasks-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    static func photo(_ name: String) -> String {
        let file = URL(filePath: #filePath)
        let root = file.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        return root.appending(path: "Examples/photos/\(name)").path()
    }

    static func bytes(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: path)))
    }

    /// The CRC-32 that ends a PNG's chunk.
    static func checksum(of bytes: some Sequence<UInt8>) -> [UInt8] {
        var sum: UInt32 = .max
        for byte in bytes {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
        }
        return (0..<4).map { UInt8(truncatingIfNeeded: ~sum >> (24 - 8 * $0)) }
    }

    func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
        let path = "\(folder)/\(name)"
        try Data(bytes).write(to: URL(filePath: path))
        return path
    }

    func request(_ task: String, _ parameters: [String: JSONValue], input: String) throws -> TaskRequest {
        let runFolder = "\(folder)/\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: runFolder, withIntermediateDirectories: true)
        return TaskRequest(
            step: StepKey(order: try OrderID("order"), index: 0), task: try TaskName(task), attempt: 1,
            parameters: parameters, input: input, folder: runFolder)
    }

    /// Runs a task and gives its output's path.
    func run(
        _ task: String, _ parameters: [String: JSONValue] = [:], input: String,
        pixelLimit: Int = ImageTask.defaultPixelLimit
    ) async throws -> String {
        let runner = try #require(ImageTask(named: task, pixelLimit: pixelLimit))
        let request = try request(task, parameters, input: input)
        let result = try await runner.run(request)
        return "\(request.folder)/\(try #require(result.file))"
    }

    /// Runs a task that is expected to fail.
    func failure(
        _ task: String, _ parameters: [String: JSONValue] = [:], input: String,
        pixelLimit: Int = ImageTask.defaultPixelLimit
    ) async throws -> TaskError {
        try #require(
            await #expect(throws: TaskError.self) {
                _ = try await self.run(task, parameters, input: input, pixelLimit: pixelLimit)
            })
    }

    /// The picture's header, as the adapter sees it.
    static func header(_ path: String) throws -> VipsJob.Info {
        try look(path) { job in try job.info() }
    }

    /// The picture's pixels, of 8 bits.
    static func picture(_ path: String) throws -> Picture {
        try look(path) { job in
            let info = try job.info()
            return Picture(size: info.size, bands: info.bands, bytes: try job.pixels())
        }
    }

    private static func look<Value>(_ path: String, _ body: (VipsJob) throws -> Value) throws -> Value {
        try VipsJob.loadLibrary()
        let job = try VipsJob()
        try job.open(path, try InputFile(path: path).format)
        return try body(job)
    }
}

struct Picture {
    var size: PixelSize
    var bands: Int
    var bytes: [UInt8]

    subscript(x: Int, y: Int) -> [UInt8] {
        let start = (y * size.width + x) * bands
        return Array(bytes[start..<start + bands])
    }

    var mean: Double { bytes.reduce(0) { $0 + Double($1) } / Double(bytes.count) }

    /// How much neighbours in a row differ, squared, on average: detail.
    var roughness: Double {
        var sum = 0.0
        for row in stride(from: 0, to: bytes.count, by: size.width * bands) {
            for index in row..<row + (size.width - 1) * bands {
                let difference = Double(bytes[index]) - Double(bytes[index + bands])
                sum += difference * difference
            }
        }
        return sum / Double(bytes.count)
    }
}
