/// The formats that are read, told by a file's first bytes: names lie.
enum InputFormat: String, Sendable {
    case jpeg = "JPEG"
    case png = "PNG"
    case webp = "WebP"
    case tiff = "TIFF"
    case gif = "GIF"

    /// How many bytes it takes to tell.
    static let prefixLength = 12

    init?(prefix: [UInt8]) {
        if prefix.starts(with: [0xFF, 0xD8, 0xFF]) {
            self = .jpeg
        } else if prefix.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            self = .png
        } else if prefix.starts(with: "RIFF".utf8), prefix.dropFirst(8).starts(with: "WEBP".utf8) {
            self = .webp
        } else if prefix.starts(with: "GIF8".utf8) {
            self = .gif
        } else if Self.tiffMarks.contains(where: { prefix.starts(with: $0) }) {
            self = .tiff
        } else {
            return nil
        }
    }

    /// Either byte order, of TIFF and of BigTIFF.
    private static let tiffMarks: [[UInt8]] = [
        [0x49, 0x49, 42, 0], [0x4D, 0x4D, 0, 42], [0x49, 0x49, 43, 0], [0x4D, 0x4D, 0, 43],
    ]

    /// What a picture of this format stays in; TIFF and GIF become PNG, which loses nothing of either's first page.
    var output: OutputFormat {
        switch self {
        case .jpeg: .jpeg
        case .png, .tiff, .gif: .png
        case .webp: .webp
        }
    }
}

/// The formats that are written.
enum OutputFormat: String, CaseIterable, Sendable {
    case jpeg, png, webp, tiff

    var fileName: String {
        switch self {
        case .jpeg: "output.jpg"
        case .png: "output.png"
        case .webp: "output.webp"
        case .tiff: "output.tiff"
        }
    }

    /// In pixels, where the format itself has a limit.
    var longestSide: Int? {
        switch self {
        case .jpeg: 65_500
        case .webp: 16_383
        case .png, .tiff: nil
        }
    }
}
