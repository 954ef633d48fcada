import MillraceCore
import Testing

@testable import ImageTasks

/// Each task on real photographs.
struct PhotoTests {
    private let bench: Workbench

    init() throws { bench = try Workbench() }

    @Test(arguments: [
        ("astronaut.png", 512, 512, "output.png"), ("chelsea.png", 451, 300, "output.png"),
        ("coffee.png", 600, 400, "output.png"), ("rocket.jpg", 640, 427, "output.jpg"),
    ])
    func `a picture keeps its format, and its size where the task does not change it`(
        _ photo: (name: String, width: Int, height: Int, output: String)
    ) async throws {
        for task in ["grayscale", "blur", "sharpen", "edges"] {
            let output = try await bench.run(task, input: Workbench.photo(photo.name))
            #expect(output.hasSuffix("/\(photo.output)"))
            #expect(try Workbench.header(output).size == PixelSize(width: photo.width, height: photo.height))
        }
    }

    @Test func `resize gives exactly the size that was asked for`() async throws {
        let coffee = Workbench.photo("coffee.png")
        let rocket = Workbench.photo("rocket.jpg")
        for (input, parameters, width, height) in [
            (coffee, ["width": 300], 300, 200), (coffee, ["width": 1024], 1024, 683), (rocket, ["width": 80], 80, 53),
            (rocket, ["width": 100, "height": 100], 100, 67),
            (rocket, ["width": 100, "height": 100, "fit": "cover"], 100, 100),
            (rocket, ["width": 300, "height": 50, "fit": "fill"], 300, 50),
        ] as [(String, [String: JSONValue], Int, Int)] {
            let output = try await bench.run("resize", parameters, input: input)
            #expect(try Workbench.header(output).size == PixelSize(width: width, height: height))
        }
    }

    @Test func `resize keeps what the picture shows`() async throws {
        let before = try Workbench.picture(Workbench.photo("rocket.jpg"))
        let output = try await bench.run("resize", ["width": 64], input: Workbench.photo("rocket.jpg"))
        let after = try Workbench.picture(output)
        #expect(abs(before.mean - after.mean) < 2)
    }

    @Test func `a thumbnail fits its square, or fills it`() async throws {
        let chelsea = Workbench.photo("chelsea.png")
        let whole = try await bench.run("thumbnail", input: chelsea)
        #expect(try Workbench.header(whole).size == PixelSize(width: 256, height: 170))
        let cropped = try await bench.run("thumbnail", ["size": 128, "crops": true], input: chelsea)
        #expect(try Workbench.header(cropped).size == PixelSize(width: 128, height: 128))
    }

    @Test func `grayscale leaves one band`() async throws {
        for name in ["astronaut.png", "rocket.jpg"] {
            let output = try Workbench.picture(try await bench.run("grayscale", input: Workbench.photo(name)))
            #expect(output.bands == 1)
        }
    }

    @Test func `blur takes detail away and sharpen adds some`() async throws {
        let input = Workbench.photo("chelsea.png")
        let before = try Workbench.picture(input)
        var last = before.roughness
        // 12 and 60 are done at a smaller scale.
        for sigma in [1, 4, 9, 12, 60] {
            let output = try await bench.run("blur", ["sigma": .integer(sigma)], input: input)
            let picture = try Workbench.picture(output)
            #expect(picture.roughness < last, "sigma \(sigma)")
            #expect(abs(picture.mean - before.mean) < 4, "sigma \(sigma)")
            last = picture.roughness
        }
        let sharp = try Workbench.picture(try await bench.run("sharpen", input: input))
        #expect(sharp.roughness > before.roughness)
    }

    @Test func `a large blur at a smaller scale is the same blur`() async throws {
        // 9.9 is done as it is, 10 at half the size.
        let input = Workbench.photo("astronaut.png")
        let direct = try Workbench.picture(try await bench.run("blur", ["sigma": 9.9], input: input))
        let scaled = try Workbench.picture(try await bench.run("blur", ["sigma": 10], input: input))
        let differences = zip(direct.bytes, scaled.bytes).map { abs(Double($0) - Double($1)) }
        #expect(differences.reduce(0, +) / Double(differences.count) < 2)
    }

    @Test func `edges are bright where the picture changes and black where it does not`() async throws {
        let flat = try await bench.run("blur", ["sigma": 100], input: Workbench.photo("coffee.png"))
        let edges = try Workbench.picture(try await bench.run("edges", input: Workbench.photo("coffee.png")))
        let none = try Workbench.picture(try await bench.run("edges", input: flat))
        #expect(edges.bands == 1)
        #expect(none.mean < 3)
        #expect(edges.mean > 3 * none.mean)
    }

    @Test func `a quarter turn is exact, clockwise, and four of them are none`() async throws {
        let input = Workbench.photo("chelsea.png")
        let before = try Workbench.picture(input)
        let output = try await bench.run("rotate", input: input)
        let after = try Workbench.picture(output)
        #expect(after.size == before.size.turned)
        // What was at the lower left is at the upper left.
        #expect(after[0, 0] == before[0, before.size.height - 1])
        let back = try Workbench.picture(try await bench.run("rotate", ["angle": -90], input: output))
        #expect(back.bytes == before.bytes)
        let around = try Workbench.picture(try await bench.run("rotate", ["angle": 360], input: input))
        #expect(around.bytes == before.bytes)
    }

    @Test func `any other turn makes room, in the background's colour`() async throws {
        let input = Workbench.photo("astronaut.png")
        let output = try await bench.run("rotate", ["angle": 45, "background": "#10c020"], input: input)
        let picture = try Workbench.picture(output)
        #expect((724...726).contains(picture.size.width))
        #expect(picture[0, 0] == [0x10, 0xC0, 0x20])
        let grey = try await bench.run("grayscale", input: input)
        let turned = try Workbench.picture(
            try await bench.run("rotate", ["angle": 45, "background": "#ffffff"], input: grey))
        #expect(turned[0, 0] == [255])
    }

    @Test(arguments: ["jpeg", "png", "webp", "tiff"])
    func `convert writes each format, which the next task reads`(_ format: String) async throws {
        let input = Workbench.photo("coffee.png")
        let output = try await bench.run("convert", ["format": .string(format)], input: input)
        #expect(try InputFile(path: output).format.rawValue.lowercased() == format)
        let next = try await bench.run("thumbnail", ["size": 60], input: output)
        #expect(try Workbench.header(next).size == PixelSize(width: 60, height: 40))
        let expected = format == "tiff" ? "output.png" : OutputFormat(rawValue: format)?.fileName
        #expect(next.split(separator: "/").last.map(String.init) == expected)
    }

    @Test func `quality decides a file's size`() async throws {
        let input = Workbench.photo("coffee.png")
        let low = try await bench.run("convert", ["format": "jpeg", "quality": 10], input: input)
        let high = try await bench.run("convert", ["format": "jpeg", "quality": 95], input: input)
        #expect(try Workbench.bytes(low).count * 4 < Workbench.bytes(high).count)
    }
}
