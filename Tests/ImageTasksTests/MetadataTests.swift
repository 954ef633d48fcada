import MillraceCore
import Testing

@testable import ImageTasks

/// Pictures on their side, with alpha, of 16 bits, and under odd names.
struct MetadataTests {
    private let bench: Workbench

    init() throws { bench = try Workbench() }

    /// The rocket, with EXIF that says how to hold it.
    private func rocket(orientation: UInt8) throws -> String {
        let tiff: [UInt8] =
            [0x4D, 0x4D, 0, 42, 0, 0, 0, 8, 0, 1]  // One entry:
            + [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0]
        let exif = Array("Exif".utf8) + [0, 0] + tiff
        let bytes = try Workbench.bytes(Workbench.photo("rocket.jpg"))
        let segment = [0xFF, 0xE1, 0, UInt8(exif.count + 2)] + exif
        return try bench.write("turned\(orientation).jpg", bytes.prefix(2) + segment + bytes.dropFirst(2))
    }

    @Test(arguments: ImageTask.names)
    func `a picture on its side comes out upright`(_ task: String) async throws {
        let parameters: [String: [String: JSONValue]] = [
            "resize": ["height": 64], "convert": ["format": "jpeg"], "thumbnail": ["size": 64], "rotate": ["angle": 0],
        ]
        for orientation in UInt8(1)...8 {
            let input = try rocket(orientation: orientation)
            #expect(try Workbench.header(input).orientation == Int(orientation))
            let output = try await bench.run(task, parameters[task] ?? [:], input: input)
            let info = try Workbench.header(output)
            #expect(info.orientation == 1)
            let isPortrait = info.size.height > info.size.width
            #expect(isPortrait == (orientation >= 5), "\(orientation): \(info.size)")
        }
    }

    @Test func `EXIF's orientation 6 is a quarter turn clockwise`() async throws {
        let input = try await bench.run("convert", ["format": "png"], input: try rocket(orientation: 6))
        let turned = try await bench.run("rotate", input: try rocket(orientation: 1))
        let direct = try Workbench.picture(input)
        let rotated = try Workbench.picture(turned)
        #expect(direct.size == rotated.size)
        #expect(abs(direct.mean - rotated.mean) < 1)
        #expect(zip(direct[100, 300], rotated[100, 300]).allSatisfy { abs(Int($0) - Int($1)) < 24 })
    }

    @Test(arguments: ImageTask.names)
    func `alpha goes through every task and into every format`(_ task: String) async throws {
        let input = try await transparentPicture()
        #expect(try Workbench.header(input).hasAlpha)
        let parameters = task == "rotate" ? ["angle": 30] : ImageTask.defaultParameters(of: task)
        let output = try await bench.run(task, parameters, input: input)
        #expect(try Workbench.header(output).hasAlpha == (task != "edges"))
        if task == "rotate" { #expect(try Workbench.picture(output)[0, 0] == [0, 0, 0, 0]) }
        let webp = try await bench.run("convert", ["format": "webp"], input: output)
        #expect(try Workbench.header(webp).size == Workbench.header(output).size)
    }

    @Test func `JPEG has white where the picture was transparent`() async throws {
        let output = try await bench.run("convert", ["format": "jpeg"], input: try await transparentPicture())
        let picture = try Workbench.picture(output)
        #expect(picture.bands == 3)
        #expect(picture[0, 0].allSatisfy { $0 > 250 })
    }

    @Test func `names with brackets are names`() async throws {
        let bytes = try Workbench.bytes(Workbench.photo("rocket.jpg"))
        let output = try await bench.run("thumbnail", input: try bench.write("rocket.jpg[shrink=8]", bytes))
        #expect(try Workbench.header(output).size.width == 256)
    }

    @Test func `what the name says does not matter`() async throws {
        let bytes = try Workbench.bytes(Workbench.photo("coffee.png"))
        let output = try await bench.run("grayscale", input: try bench.write("coffee.jpg", bytes))
        #expect(output.hasSuffix("output.png"))
    }

    @Test func `what is transparent does not bleed its colour into what is not`() async throws {
        let output = try await bench.run("blur", ["sigma": 4], input: try await transparentPicture())
        let picture = try Workbench.picture(output)
        for y in 0..<picture.size.height where picture[20, y][3] > 32 {
            #expect(picture[20, y][0] > 240)
        }
        #expect((64...192).contains(picture[20, 20][3]))
    }

    /// 40 × 40 pixels, the upper half transparent black, the lower half red: a GIF of 2 × 2 that has been enlarged.
    private func transparentPicture() async throws -> String {
        let header = Array("GIF89a".utf8) + [2, 0, 2, 0, 0x80, 0, 0, 0, 0, 0, 255, 0, 0]
        let transparency: [UInt8] = [0x21, 0xF9, 4, 1, 0, 0, 0, 0]
        // Codes of 3 bits: clear, 0, 0, 1; of 4 bits: 1, end.
        let image: [UInt8] = [0x2C, 0, 0, 0, 0, 2, 0, 2, 0, 0, 2, 3, 0x04, 0x12, 0x05, 0, 0x3B]
        let gif = try bench.write("small.gif", header + transparency + image)
        return try await bench.run("resize", ["width": 40], input: gif)
    }
}
