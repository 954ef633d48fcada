import CVips
import Glibc
import MillracePorts

/// One picture on its way through libvips. Everything but `cancel` and `isCancelled` is for one thread, the run's own.
final class VipsJob: @unchecked Sendable {
    // Unchecked: the C side locks what `cancel` shares with the run's thread; the pointer itself never changes.
    private let job: OpaquePointer

    enum Failure: Error {
        /// What libvips says went wrong, in its own lines.
        case libvips(String)
        /// What Millrace does not do, as a reason without the input's name.
        case refused(String)
    }

    struct Info {
        /// As stored: not yet upright.
        var size: PixelSize
        var bands: Int
        /// Of each band.
        var bits: Int
        /// As EXIF counts: 1 (upright) to 8.
        var orientation: Int
        var hasAlpha: Bool
        var isGrey: Bool
        var isColour: Bool
        var isInteger: Bool
    }

    init() throws(TaskError) {
        guard let job = cvips_job_new() else { throw TaskError(.temporary, "there is not enough memory") }
        self.job = job
    }

    deinit { cvips_job_free(job) }

    static func loadLibrary() throws(TaskError) {
        if let problem = cvips_load() { throw TaskError(.permanent, String(cString: problem)) }
    }

    static var isLibraryLoaded: Bool { cvips_is_loaded() }

    /// Before the thread ends.
    static func endThread() { cvips_end_thread() }

    func cancel() { cvips_job_cancel(job) }

    /// Gives up the pictures and closes the files.
    func clear() { cvips_job_clear(job) }

    var isCancelled: Bool { cvips_job_is_cancelled(job) }

    // MARK: From file to file

    func open(_ path: String, _ format: InputFormat, shrink: Int = 1) throws(Failure) {
        try check(cvips_open(job, path, format.vips, Int32(shrink)))
    }

    func info() throws(Failure) -> Info {
        var info = CVipsInfo()
        try check(cvips_info(job, &info))
        return Info(
            size: PixelSize(width: Int(info.width), height: Int(info.height)), bands: Int(info.bands),
            bits: Int(info.bits), orientation: Int(info.orientation), hasAlpha: info.alpha, isGrey: info.grey,
            isColour: info.colour, isInteger: info.integer)
    }

    func save(_ path: String, _ format: OutputFormat, quality: Int) throws(Failure) {
        try check(cvips_save(job, path, format.vips, Int32(quality)))
    }

    /// Row by row, the bands of each pixel together.
    func pixels() throws(Failure) -> [UInt8] {
        var size = 0
        guard let bytes = cvips_pixels(job, &size) else {
            try check(-1)
            return []
        }
        defer { cvips_free_pixels(bytes) }
        return Array(UnsafeBufferPointer(start: bytes, count: size))
    }

    // MARK: Operations on the current picture

    func keep() throws(Failure) { try check(cvips_keep(job)) }
    func makeUpright() throws(Failure) { try check(cvips_upright(job)) }

    func resize(to size: PixelSize) throws(Failure) {
        try check(cvips_resize(job, Int32(size.width), Int32(size.height)))
    }

    func crop(to size: PixelSize, left: Int, top: Int) throws(Failure) {
        try check(cvips_crop(job, Int32(left), Int32(top), Int32(size.width), Int32(size.height)))
    }

    func makeColour() throws(Failure) { try check(cvips_to_colour(job)) }
    /// - Parameter deep: keeps 16 bits where there are; else the result has 8.
    func makeGrey(deep: Bool) throws(Failure) { try check(cvips_to_grey(job, deep)) }
    func cast(toBits bits: Int) throws(Failure) { try check(cvips_cast(job, Int32(bits))) }
    func premultiply() throws(Failure) { try check(cvips_premultiply(job)) }
    func unpremultiply() throws(Failure) { try check(cvips_unpremultiply(job)) }

    func flatten(over background: [Double]) throws(Failure) {
        try check(cvips_flatten(job, background, Int32(background.count)))
    }

    func blur(sigma: Double) throws(Failure) { try check(cvips_blur(job, sigma)) }

    func sharpen(sigma: Double, amount: Double) throws(Failure) {
        try check(cvips_sharpen(job, sigma, amount))
    }

    func findEdges() throws(Failure) { try check(cvips_edges(job)) }
    func turn(quarters: Int) throws(Failure) { try check(cvips_turn(job, Int32(quarters))) }

    func rotate(degrees: Double, background: [Double]) throws(Failure) {
        try check(cvips_rotate(job, degrees, background, Int32(background.count)))
    }

    private func check(_ result: Int32) throws(Failure) {
        guard result != 0 else { return }
        let text = cvips_take_errors()
        defer { free(text) }
        throw .libvips(text.map { String(cString: $0) } ?? "")
    }
}

extension InputFormat {
    fileprivate var vips: CVipsFormat {
        switch self {
        case .jpeg: CVIPS_JPEG
        case .png: CVIPS_PNG
        case .webp: CVIPS_WEBP
        case .tiff: CVIPS_TIFF
        case .gif: CVIPS_GIF
        }
    }
}

extension OutputFormat {
    fileprivate var vips: CVipsFormat {
        switch self {
        case .jpeg: CVIPS_JPEG
        case .png: CVIPS_PNG
        case .webp: CVIPS_WEBP
        case .tiff: CVIPS_TIFF
        }
    }
}
