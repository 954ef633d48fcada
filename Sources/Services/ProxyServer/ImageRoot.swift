import Glibc

/// The folder that paths in requests are relative to. Nothing outside it can be named, nor be found out about.
///
/// Whoever may write in the folder can still change what a path means between the look and the reading: that is as
/// good as putting the file there.
struct ImageRoot: Sendable {
    enum Place: Hashable {
        /// The file's path, without any link in it.
        case inside(String)
        case outside
        case missing
    }

    let folder: String

    /// Follows a path step by step, so that it ends where it first leaves the folder. It blocks.
    func find(_ path: String) -> Place {
        guard !path.hasPrefix("/") else { return .outside }
        guard let root = Self.resolved(folder) else { return .missing }
        var place = root
        for part in path.split(separator: "/") {
            let next = place + "/" + part
            guard let resolved = Self.resolved(next) else {
                // A link that leads nowhere is not followed to say where.
                return Self.isLink(next) ? .outside : .missing
            }
            guard Self.contains(root, resolved) else { return .outside }
            place = resolved
        }
        return .inside(place)
    }

    private static func contains(_ root: String, _ path: String) -> Bool {
        // By bytes: String takes different spellings of an accent as equal, file systems do not.
        path.utf8.elementsEqual(root.utf8) || root == "/" || path.utf8.starts(with: (root + "/").utf8)
    }

    private static func resolved(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    private static func isLink(_ path: String) -> Bool {
        var byte: CChar = 0
        return readlink(path, &byte, 1) >= 0
    }
}
