public import MillraceCore
public import MillracePorts
import Platform

/// A built-in task, done with libvips. libvips is loaded by the first run, not before: making a task and checking
/// parameters cost nothing of it.
///
/// | task | parameters |
/// | --- | --- |
/// | `resize` | `width`, `height`: pixels, 1–16384, at least one of them; `fit`: `inside` (the default), `cover` or `fill` |
/// | `thumbnail` | `size`: pixels, 1–4096, 256 by default; `crops`: true or false (the default) |
/// | `grayscale` | none |
/// | `blur` | `sigma`: pixels, 0.1–100, 2 by default |
/// | `sharpen` | `sigma`: pixels, 0.1–10, 1 by default; `amount`: 0–10, 3 by default |
/// | `edges` | none |
/// | `rotate` | `angle`: degrees clockwise, -360–360, 90 by default; `background`: a colour as `"#rrggbb"` |
/// | `convert` | `format`: `jpeg`, `png`, `webp` or `tiff`; `quality`: 1–100, 85 by default, for jpeg and webp |
///
/// - `resize` with one of width and height keeps the proportions. With both, `inside` makes the largest picture that is
///   in the box, `cover` fills the box and cuts what stands out evenly, `fill` stretches. Small pictures are enlarged.
/// - `thumbnail` makes the largest picture within a square of `size`, or, if it `crops`, fills that square from the
///   middle. Small pictures stay small.
/// - `edges` is Sobel's operator on the picture's light: one band.
/// - `rotate` by anything but a multiple of 90 makes the canvas larger; what the picture leaves free is transparent where
///   the picture has alpha, black where it has none, or `background`.
///
/// Inputs are JPEG, PNG, WebP, TIFF and GIF, of those with several pages the first. The output is `output.jpg`, `.png`,
/// `.webp` or `.tiff` in the run's folder: of the input's format, PNG for inputs of TIFF and GIF. Pictures are turned
/// upright as EXIF says. Other metadata stay, but for colour profiles of colours that are no more (`grayscale`, `edges`,
/// and anything from CMYK).
public struct ImageTask: TaskRunner {
    /// The tasks that there are.
    public static let names: [String] = ImageOperation.Kind.allCases.map(\.rawValue)

    /// The pixels (width × height) that an input, or the output of `resize`, may have: 100 million, so that a small file
    /// that says it is huge is refused by its header.
    public static let defaultPixelLimit = 100_000_000

    public let name: String
    public let pixelLimit: Int
    private let kind: ImageOperation.Kind

    /// - Parameter name: one of `names`; nil for others.
    /// - Parameter pixelLimit: at least 1.
    public init?(named name: String, pixelLimit: Int = ImageTask.defaultPixelLimit) {
        guard let kind = ImageOperation.Kind(rawValue: name), pixelLimit >= 1 else { return nil }
        self.name = name
        self.kind = kind
        self.pixelLimit = pixelLimit
    }

    /// What a configuration starts from, so that each task can be named without parameters: `resize` to a width of 1024,
    /// `convert` to PNG. A run has no such defaults of its own.
    public static func defaultParameters(of name: String) -> [String: JSONValue] {
        switch ImageOperation.Kind(rawValue: name) {
        case .resize: ["width": 1024]
        case .convert: ["format": "png"]
        default: [:]
        }
    }

    /// Loads libvips now (once for the process, some 20 ms), so that the first run does not wait for it.
    /// - Throws: a permanent error that says how to mend it.
    public static func loadLibrary() throws(TaskError) {
        try VipsJob.loadLibrary()
    }

    public var leavesOutput: Bool { true }

    /// Does not load libvips.
    public func validate(_ parameters: [String: JSONValue]) throws(InvalidValue) {
        _ = try ImageOperation(kind, parameters)
    }

    /// Blocks no thread of Swift's pool. A cancelled run ends at libvips's next tile, or, within one call of a codec that
    /// does a whole picture at once (WebP, progressive JPEG), at that call's end; it throws a temporary error.
    /// - Throws: permanent for wrong parameters, for an input that is missing, empty, not a picture, cut short or too
    ///   large, and without libvips; temporary when the disk is full or memory is short.
    public func run(_ request: TaskRequest) async throws(TaskError) -> TaskResult {
        let operation: ImageOperation
        do {
            operation = try ImageOperation(kind, request.parameters)
        } catch {
            throw TaskError(.permanent, "\(name): \(error)")
        }
        let run = ImageRun(operation: operation, input: request.input, folder: request.folder, pixelLimit: pixelLimit)
        let job = try VipsJob()
        let outcome = await withTaskCancellationHandler {
            // Codecs expect the stack that a thread has by default.
            await NamedThread.run("image-task", stackSize: 8 << 20) { run.outcome(with: job) }
        } onCancel: {
            job.cancel()
        }
        return TaskResult(file: try outcome.get())
    }
}
