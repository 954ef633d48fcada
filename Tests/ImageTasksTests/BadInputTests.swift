import Foundation
import MillraceCore
import MillracePorts
import Testing

@testable import ImageTasks

/// Bad inputs are permanent errors of one line that name the input, and leave nothing behind.
struct BadInputTests {
    private let bench: Workbench

    init() throws { bench = try Workbench() }

    private func expectRefusal(
        of input: String, by task: String = "blur", saying words: String,
        pixelLimit: Int = ImageTask.defaultPixelLimit, _ location: SourceLocation = #_sourceLocation
    ) async throws {
        let parameters = ImageTask.defaultParameters(of: task)
        let error = try await bench.failure(task, parameters, input: input, pixelLimit: pixelLimit)
        let name = try #require(input.split(separator: "/").last)
        #expect(error.code == .permanent, "\(error)", sourceLocation: location)
        #expect(error.reason.hasPrefix("\(name): "), "\(error)", sourceLocation: location)
        #expect(error.reason.contains(words), "\(error)", sourceLocation: location)
        #expect(!error.reason.contains("\n"), "\(error)", sourceLocation: location)
    }

    @Test func `a missing file`() async throws {
        try await expectRefusal(of: "\(bench.folder)/none.jpg", saying: "no such file")
        try await expectRefusal(of: "\(Workbench.photo("rocket.jpg"))/none.jpg", saying: "no such file")
    }

    @Test func `a folder`() async throws {
        try await expectRefusal(of: bench.folder, saying: "not a file")
    }

    @Test func `an empty file`() async throws {
        try await expectRefusal(of: try bench.write("empty.png", []), saying: "empty")
    }

    @Test func `a text that is called a picture`() async throws {
        try await expectRefusal(of: try bench.write("text.jpg", "Dear reader,\n".utf8), saying: "not a picture")
        try await expectRefusal(of: try bench.write("drawing.svg", "<svg xmlns='x'/>".utf8), saying: "not a picture")
    }

    @Test func `a picture's first bytes and nothing of the kind after them`() async throws {
        let bytes = try Workbench.bytes(Workbench.photo("rocket.jpg")).prefix(4) + Array("no picture".utf8)
        try await expectRefusal(of: try bench.write("fake.jpg", bytes), saying: "JPEG")
    }

    @Test(arguments: ImageTask.names, ["rocket.jpg", "coffee.png"])
    func `a picture that is cut short fails, and is not half grey`(_ task: String, _ photo: String) async throws {
        let bytes = try Workbench.bytes(Workbench.photo(photo))
        for part in [0.02, 0.5, 0.9] {
            let name = "part\(part)-\(photo)"
            let path = try bench.write(name, bytes.prefix(Int(Double(bytes.count) * part)))
            try await expectRefusal(of: path, by: task, saying: "damaged")
        }
    }

    @Test(arguments: ["webp", "tiff"])
    func `other formats that are cut short fail too`(_ format: String) async throws {
        let path = try await bench.run(
            "convert", ["format": .string(format)], input: Workbench.photo("coffee.png"))
        let bytes = try Workbench.bytes(path)
        try await expectRefusal(of: try bench.write("half.\(format)", bytes.prefix(bytes.count / 2)), saying: "damaged")
    }

    @Test func `a picture of more pixels than the limit is refused by its header`() async throws {
        let input = Workbench.photo("coffee.png")
        try await expectRefusal(of: input, saying: "600 × 400", pixelLimit: 239_999)
        _ = try await bench.run("blur", input: input, pixelLimit: 240_000)
        // The header of a PNG says 60000 × 60000, and there is nothing behind it.
        var bytes = try Workbench.bytes(input)
        bytes.replaceSubrange(16..<24, with: [0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60])
        bytes.replaceSubrange(29..<33, with: Workbench.checksum(of: bytes[12..<29]))
        try await expectRefusal(of: try bench.write("bomb.png", bytes), saying: "60000 × 60000")
    }

    @Test func `an output of more pixels than the limit is refused`() async throws {
        let error = try await bench.failure(
            "resize", ["width": 16384, "height": 16384, "fit": "fill"], input: Workbench.photo("coffee.png"))
        #expect(error.code == .permanent)
        #expect(error.reason.contains("16384 × 16384"))
    }

    @Test func `a side that the format cannot hold is refused`() async throws {
        let long = try await bench.run(
            "resize", ["width": 16384, "height": 2, "fit": "fill"], input: Workbench.photo("coffee.png"))
        let error = try await bench.failure("convert", ["format": "webp"], input: long)
        #expect(error.code == .permanent)
        #expect(error.reason.contains("16383 pixels a side"))
    }

    @Test func `a run's folder that is gone is an error for now`() async throws {
        let task = try #require(ImageTask(named: "blur"))
        var request = try bench.request("blur", [:], input: Workbench.photo("coffee.png"))
        request.folder += "/gone"
        let error = await #expect(throws: TaskError.self) { try await task.run(request) }
        #expect(error?.code == .temporary)
        #expect(error?.reason.contains("folder") == true)
    }

    @Test func `wrong parameters of a run name the task and the field`() async throws {
        let error = try await bench.failure("blur", ["sigma": 0], input: Workbench.photo("coffee.png"))
        #expect(error.code == .permanent)
        #expect(error.reason.hasPrefix("blur: sigma: "))
    }

    @Test(arguments: ["jpeg", "png", "webp", "tiff"])
    func `a full disk is an error for now, and leaves no half output`(_ format: String) async throws {
        let task = try #require(ImageTask(named: "convert"))
        let request = try bench.request(
            "convert", ["format": .string(format)], input: Workbench.photo("astronaut.png"))
        let output = "\(request.folder)/\(try #require(OutputFormat(rawValue: format)).fileName)"
        try FileManager.default.createSymbolicLink(atPath: output, withDestinationPath: "/dev/full")
        let error = await #expect(throws: TaskError.self) { try await task.run(request) }
        #expect(error?.code == .temporary, "\(String(describing: error))")
        #expect(error?.reason.contains("disk is full") == true, "\(String(describing: error))")
        #expect(try FileManager.default.contentsOfDirectory(atPath: request.folder).isEmpty)
    }
}
