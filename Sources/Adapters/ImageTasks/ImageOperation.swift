import MillraceCore

/// What a run does, with checked parameters.
enum ImageOperation: Hashable, Sendable {
    case resize(width: Int?, height: Int?, fit: Fit)
    case thumbnail(size: Int, crops: Bool)
    case grayscale
    case blur(sigma: Double)
    case sharpen(sigma: Double, amount: Double)
    case edges
    /// No background: transparent where there is alpha, else black.
    case rotate(degrees: Double, background: Colour?)
    case convert(to: OutputFormat, quality: Int)

    enum Kind: String, CaseIterable, Sendable {
        case resize, thumbnail, grayscale, blur, sharpen, edges, rotate, convert
    }

    enum Fit: String, CaseIterable, Sendable {
        case inside, cover, fill
    }

    /// For JPEG and WebP where the order does not say. libvips's own 75 shows after three steps in a row.
    static let defaultQuality = 85
}

extension ImageOperation {
    /// - Throws: the first parameter that is unknown, missing or out of its range.
    init(_ kind: Kind, _ parameters: [String: JSONValue]) throws(InvalidValue) {
        let reader = try ParameterReader(parameters, of: kind.rawValue, known: kind.parameters)
        switch kind {
        case .resize:
            let width = try reader.integer("width", in: 1...16384)
            let height = try reader.integer("height", in: 1...16384)
            guard width != nil || height != nil else {
                throw InvalidValue(field: "width", "is missing, and so is height; resize needs at least one of them")
            }
            let fit = try reader.choice("fit", of: Fit.self) ?? .inside
            self = .resize(width: width, height: height, fit: fit)
        case .thumbnail:
            let size = try reader.integer("size", in: 1...4096) ?? 256
            self = .thumbnail(size: size, crops: try reader.bool("crops") ?? false)
        case .grayscale:
            self = .grayscale
        case .blur:
            self = .blur(sigma: try reader.number("sigma", in: 0.1...100) ?? 2)
        case .sharpen:
            let sigma = try reader.number("sigma", in: 0.1...10) ?? 1
            self = .sharpen(sigma: sigma, amount: try reader.number("amount", in: 0...10) ?? 3)
        case .edges:
            self = .edges
        case .rotate:
            let degrees = try reader.number("angle", in: -360...360) ?? 90
            self = .rotate(degrees: degrees, background: try reader.colour("background"))
        case .convert:
            guard let format = try reader.choice("format", of: OutputFormat.self) else {
                throw reader.missing("format")
            }
            let quality = try reader.integer("quality", in: 1...100) ?? Self.defaultQuality
            self = .convert(to: format, quality: quality)
        }
    }
}

extension ImageOperation.Kind {
    var parameters: [String] {
        switch self {
        case .resize: ["width", "height", "fit"]
        case .thumbnail: ["size", "crops"]
        case .grayscale, .edges: []
        case .blur: ["sigma"]
        case .sharpen: ["sigma", "amount"]
        case .rotate: ["angle", "background"]
        case .convert: ["format", "quality"]
        }
    }
}
