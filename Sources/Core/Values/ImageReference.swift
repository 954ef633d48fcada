/// Where the bytes of a picture are, by what they are and not by where a disk keeps them.
public enum ImageReference: Hashable, Sendable {
    /// An uploaded image, by the SHA-256 of its bytes in 64 lowercase hexadecimal digits.
    case content(sha256: String)
    /// What a step put out: its file's name, within the step's folder.
    case output(StepKey, file: String)
}

extension ImageReference: CustomStringConvertible {
    /// `sha256:…`, or `output:ORDER/STEP/FILE`.
    public var description: String {
        switch self {
        case .content(let sha256): "sha256:\(sha256)"
        case .output(let step, let file): "output:\(step)/\(file)"
        }
    }

    public init(parsing text: String) throws(InvalidValue) {
        if text.hasPrefix("sha256:") {
            let digits = text.dropFirst("sha256:".count)
            guard digits.utf8.count == 64,
                digits.utf8.allSatisfy({ $0.isASCIIDigit || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0) })
            else { throw InvalidValue(field: "image", "must have 64 hexadecimal digits after ‘sha256:’") }
            self = .content(sha256: String(digits))
            return
        }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard text.hasPrefix("output:"), parts.count == 3, let index = Int(parts[1]), index >= 0,
            Self.isPlainFileName(parts[2])
        else { throw InvalidValue(field: "image", "must be ‘sha256:…’ or ‘output:ORDER/STEP/FILE’") }
        let order = try OrderID(String(parts[0].dropFirst("output:".count)))
        self = .output(StepKey(order: order, index: index), file: String(parts[2]))
    }

    /// A name that stays within its folder.
    public static func isPlainFileName(_ name: some StringProtocol) -> Bool {
        (1...255).contains(name.utf8.count) && name != "." && name != ".."
            && name.utf8.allSatisfy { $0 != UInt8(ascii: "/") && $0 != 0 }
    }
}
