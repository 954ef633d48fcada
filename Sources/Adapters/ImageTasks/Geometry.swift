/// A size in pixels, each at least 1.
struct PixelSize: Hashable, Sendable {
    var width: Int
    var height: Int

    var pixels: Int { width * height }
    var turned: PixelSize { PixelSize(width: height, height: width) }

    /// The size times a factor, rounded, at least 1 × 1.
    func scaled(by factor: Double) -> PixelSize {
        func side(_ length: Int) -> Int { max(1, Int(min(Double(length) * factor, 1e9).rounded())) }
        return PixelSize(width: side(width), height: side(height))
    }
}

/// How a picture gets its new size: scaled, then cut from its middle if that is smaller.
struct ResizePlan: Hashable, Sendable {
    var scaled: PixelSize
    var cropped: PixelSize

    init(scaled: PixelSize, cropped: PixelSize) {
        self.scaled = scaled
        self.cropped = cropped
    }

    /// For `resize`; at least one of width and height is given.
    init(_ source: PixelSize, width: Int?, height: Int?, fit: ImageOperation.Fit) {
        let across = width.map { Double($0) / Double(source.width) }
        let down = height.map { Double($0) / Double(source.height) }
        guard let width, let height, let across, let down else {
            let scaled = source.scaled(by: across ?? down ?? 1)
            self.init(scaled: scaled, cropped: scaled)
            return
        }
        let box = PixelSize(width: width, height: height)
        switch fit {
        case .fill:
            self.init(scaled: box, cropped: box)
        case .inside:
            let scaled = source.scaled(by: min(across, down))
            self.init(scaled: scaled, cropped: scaled)
        case .cover:
            self.init(source, covering: box, by: max(across, down))
        }
    }

    /// For `thumbnail`, which never enlarges.
    init(_ source: PixelSize, thumbnail size: Int, crops: Bool) {
        let across = Double(size) / Double(source.width)
        let down = Double(size) / Double(source.height)
        if crops {
            let box = PixelSize(width: min(size, source.width), height: min(size, source.height))
            self.init(source, covering: box, by: min(1, max(across, down)))
        } else {
            let scaled = source.scaled(by: min(1, across, down))
            self.init(scaled: scaled, cropped: scaled)
        }
    }

    /// Rounding never leaves the scaled picture a pixel short of the box.
    private init(_ source: PixelSize, covering box: PixelSize, by factor: Double) {
        var scaled = source.scaled(by: factor)
        scaled.width = max(scaled.width, box.width)
        scaled.height = max(scaled.height, box.height)
        self.init(scaled: scaled, cropped: box)
    }

    /// How much smaller JPEG decoding itself may make a picture on its way to a size: 1, 2, 4 or 8. The rest is left to
    /// a better filter, which never enlarges what decoding has shrunk.
    static func shrinkOnLoad(from stored: PixelSize, to target: PixelSize) -> Int {
        let factor = min(
            Double(stored.width) / Double(target.width), Double(stored.height) / Double(target.height))
        return [8, 4, 2].first { Double($0) <= factor } ?? 1
    }
}
