/// Puts a picture's operations in a row. Pixels move when it is saved, from top to bottom and a few rows at a time, where
/// the operation allows that.
struct ImagePipeline {
    var job: VipsJob
    var file: InputFile
    var pixelLimit: Int

    func apply(_ operation: ImageOperation) throws(VipsJob.Failure) {
        try job.open(file.path, file.format)
        let stored = try checkedSize()
        switch operation {
        case .resize(let width, let height, let fit):
            let plan = ResizePlan(try upright(stored), width: width, height: height, fit: fit)
            try resize(stored, plan)
        case .thumbnail(let size, let crops):
            try resize(stored, ResizePlan(try upright(stored), thumbnail: size, crops: crops))
        case .grayscale:
            try prepare()
            try job.makeGrey(deep: true)
        case .blur(let sigma):
            try prepare()
            try mixing { () throws(VipsJob.Failure) in try blur(sigma) }
        case .sharpen(let sigma, let amount):
            try prepare()
            try job.sharpen(sigma: sigma, amount: amount)
        case .edges:
            try prepare()
            try findEdges()
        case .rotate(let degrees, let background):
            try rotate(degrees, background)
        case .convert:
            try prepare()
        }
    }

    func save(_ path: String, _ format: OutputFormat, quality: Int) throws(VipsJob.Failure) {
        let size = try job.info().size
        if let longest = format.longestSide, max(size.width, size.height) > longest {
            throw .refused(
                "would become \(size.width) × \(size.height); \(format.rawValue) has at most \(longest) pixels a side")
        }
        // JPEG has no alpha; paper is white.
        if format == .jpeg, try job.info().hasAlpha {
            try job.flatten(over: try opaque(.white))
        }
        try job.save(path, format, quality: quality)
    }

    /// The header says how large the picture becomes: a small file may decode to gigabytes.
    private func checkedSize() throws(VipsJob.Failure) -> PixelSize {
        let info = try job.info()
        try checkPixels(of: info.size, as: "is")
        guard info.bands <= 5 else { throw .refused("has \(info.bands) bands; pictures have at most 5") }
        return info.size
    }

    private func checkPixels(of size: PixelSize, as verb: String) throws(VipsJob.Failure) {
        guard size.pixels <= pixelLimit else {
            throw .refused(
                "\(verb) \(size.width) × \(size.height), which is \(size.pixels) pixels; the limit is \(pixelLimit)")
        }
    }

    private func upright(_ stored: PixelSize) throws(VipsJob.Failure) -> PixelSize {
        // EXIF's 5 to 8 lie on their side.
        try job.info().orientation >= 5 ? stored.turned : stored
    }

    // MARK: Steps

    /// Upright, and in grey or sRGB of 8 or 16 bits.
    private func prepare() throws(VipsJob.Failure) {
        if try job.info().orientation != 1 {
            try job.keep()
            try job.makeUpright()
        }
        try normalize()
    }

    private func normalize() throws(VipsJob.Failure) {
        let info = try job.info()
        if !info.isGrey && !info.isColour { try job.makeColour() }
        let now = try job.info()
        if !now.isInteger || now.bits > 16 { try job.cast(toBits: 8) }
    }

    /// What is transparent has a colour too, which must not bleed into what is not.
    private func mixing(_ operation: () throws(VipsJob.Failure) -> Void) throws(VipsJob.Failure) {
        let info = try job.info()
        if info.hasAlpha { try job.premultiply() }
        try operation()
        if info.hasAlpha {
            try job.unpremultiply()
            try job.cast(toBits: info.bits)
        }
    }

    private func resize(_ stored: PixelSize, _ plan: ResizePlan) throws(VipsJob.Failure) {
        try checkPixels(of: plan.scaled, as: "would become")
        let orientation = try job.info().orientation
        let target = orientation >= 5 ? plan.scaled.turned : plan.scaled
        let shrink = file.format == .jpeg ? ResizePlan.shrinkOnLoad(from: stored, to: target) : 1
        if shrink > 1 { try job.open(file.path, file.format, shrink: shrink) }
        try normalize()
        if try job.info().size != target {
            try mixing { () throws(VipsJob.Failure) in try job.resize(to: target) }
        }
        if orientation != 1 {
            // Turned when it is small: turning needs all of it.
            try job.keep()
            try job.makeUpright()
        }
        if plan.cropped != plan.scaled {
            try job.crop(
                to: plan.cropped, left: (plan.scaled.width - plan.cropped.width) / 2,
                top: (plan.scaled.height - plan.cropped.height) / 2)
        }
    }

    /// A blur by a large sigma has nothing left that a smaller picture could not hold, and costs less there by the third
    /// power: at 24 megapixels and a sigma of 100 a minute becomes less than a second.
    private func blur(_ sigma: Double) throws(VipsJob.Failure) {
        let size = try job.info().size
        let smallest = min(size.width, size.height)
        // A sigma of at least 5 is left for the smaller picture: then the result is one of 255 steps from the true one on
        // average, which is what libvips's whole-numbered masks are from it at any sigma.
        let factor = min(Int(sigma / 5), smallest / 16)
        guard factor > 1 else { return try job.blur(sigma: sigma) }
        try job.resize(to: size.scaled(by: 1 / Double(factor)))
        try job.blur(sigma: sigma / Double(factor))
        try job.resize(to: size)
    }

    private func findEdges() throws(VipsJob.Failure) {
        if try job.info().hasAlpha { try job.flatten(over: try opaque(.black)) }
        // libvips has a fast way for 8 bits.
        try job.makeGrey(deep: false)
        try job.findEdges()
    }

    private func rotate(_ degrees: Double, _ background: Colour?) throws(VipsJob.Failure) {
        let turn = degrees.truncatingRemainder(dividingBy: 360)
        if turn != 0 { try job.keep() }
        if try job.info().orientation != 1 {
            if turn == 0 { try job.keep() }
            try job.makeUpright()
        }
        try normalize()
        if turn.truncatingRemainder(dividingBy: 90) == 0 {
            // Exact: no pixel is mixed with another.
            if turn != 0 { try job.turn(quarters: (Int(turn / 90) + 4) % 4) }
            return
        }
        let colour = (background ?? .black).bands(of: try job.info(), opacity: background == nil ? 0 : 1)
        try mixing { () throws(VipsJob.Failure) in try job.rotate(degrees: turn, background: colour) }
    }

    /// A colour for an image that has lost its alpha.
    private func opaque(_ colour: Colour) throws(VipsJob.Failure) -> [Double] {
        var info = try job.info()
        info.hasAlpha = false
        return colour.bands(of: info, opacity: 1)
    }
}
