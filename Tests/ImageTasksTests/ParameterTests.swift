import Foundation
import MillraceCore
import Testing

@testable import ImageTasks

struct ParameterTests {
    static let good: [(task: String, parameters: [String: JSONValue])] = [
        ("resize", ["width": 1]), ("resize", ["height": 16384]),
        ("resize", ["width": 400.0, "height": 3, "fit": "cover"]),
        ("thumbnail", [:]), ("thumbnail", ["size": 4096, "crops": true]),
        ("grayscale", [:]), ("edges", [:]),
        ("blur", [:]), ("blur", ["sigma": 0.1]), ("blur", ["sigma": 100]),
        ("sharpen", [:]), ("sharpen", ["sigma": 10, "amount": 0]),
        ("rotate", [:]), ("rotate", ["angle": -360]), ("rotate", ["angle": 12.5, "background": "#Ff8000"]),
        ("convert", ["format": "webp"]), ("convert", ["format": "jpeg", "quality": 100]),
    ]

    @Test(arguments: good)
    func `parameters in their ranges are taken`(_ example: (task: String, parameters: [String: JSONValue])) throws {
        let task = try #require(ImageTask(named: example.task))
        try task.validate(example.parameters)
    }

    static let bad: [(task: String, parameters: [String: JSONValue], field: String)] = [
        ("resize", [:], "width"), ("resize", ["width": 0], "width"), ("resize", ["height": 16385], "height"),
        ("resize", ["width": 10.5], "width"), ("resize", ["width": "10"], "width"),
        ("resize", ["width": .null], "width"),
        ("resize", ["width": 1, "fit": "outside"], "fit"), ("resize", ["width": 1, "hieght": 1], "hieght"),
        ("thumbnail", ["size": 4097], "size"), ("thumbnail", ["crops": 1], "crops"),
        ("grayscale", ["sigma": 1], "sigma"), ("edges", ["sigma": 1], "sigma"),
        ("blur", ["sigma": 0], "sigma"), ("blur", ["sigma": 1e300], "sigma"),
        ("sharpen", ["amount": -1], "amount"), ("sharpen", ["sigma": 10.1], "sigma"),
        ("rotate", ["angle": 361], "angle"), ("rotate", ["angle": "90"], "angle"),
        ("rotate", ["background": "red"], "background"), ("rotate", ["background": "#+12345"], "background"),
        ("convert", [:], "format"), ("convert", ["format": "gif"], "format"),
        ("convert", ["format": "png", "quality": 0], "quality"),
    ]

    @Test(arguments: bad)
    func `wrong parameters are errors that name the field`(
        _ example: (task: String, parameters: [String: JSONValue], field: String)
    ) throws {
        let task = try #require(ImageTask(named: example.task))
        let error = #expect(throws: InvalidValue.self) { try task.validate(example.parameters) }
        #expect(error?.field == example.field)
    }

    @Test func `every built-in task has a name that Millrace takes, and runs with its default parameters`() throws {
        for name in ImageTask.names {
            #expect(try TaskName(name).text == name)
            let task = try #require(ImageTask(named: name))
            try task.validate(ImageTask.defaultParameters(of: name))
        }
        #expect(ImageTask(named: "develop") == nil)
    }

    @Test func `checking parameters does not load libvips`() async {
        // In a process of its own: the tests beside this one do load it.
        await #expect(processExitsWith: .success) {
            for name in ImageTask.names {
                let task = try #require(ImageTask(named: name))
                try task.validate(ImageTask.defaultParameters(of: name))
                #expect(throws: InvalidValue.self) { try task.validate(["no-such-parameter": 1]) }
            }
            let maps = try String(contentsOfFile: "/proc/self/maps", encoding: .utf8)
            try #require(!maps.contains("libvips"))
            #expect(!VipsJob.isLibraryLoaded)
            try VipsJob.loadLibrary()
            #expect(VipsJob.isLibraryLoaded)
        }
    }

    @Test func `a reason quotes no more of a long value than fits a line`() throws {
        let task = try #require(ImageTask(named: "convert"))
        let long = JSONValue.string(String(repeating: "x", count: 5000))
        let error = #expect(throws: InvalidValue.self) { try task.validate(["format": long]) }
        #expect(try #require(error).problem.count < 120)
    }
}
