internal import Glibc
internal import MillraceCore
internal import Platform

/// The files that replicas write to: as many as there ever were replicas at once, as a new one takes over the file of one
/// that is gone.
struct ReplicaLogs {
    let folder: String?
    private var taken: [TaskName: Set<Int>] = [:]

    /// A file beyond this is set aside as `NAME.old`, in place of the last one, before the next replica writes to it.
    static let sizeLimit = 4 << 20

    init(folder: String?) {
        self.folder = folder
    }

    /// A file that no running replica writes to; nil without a folder.
    mutating func take(_ task: TaskName) -> (number: Int, path: String)? {
        guard let folder else { return nil }
        var number = 0
        while taken[task, default: []].contains(number) { number += 1 }
        taken[task, default: []].insert(number)
        return (number, "\(folder)/\(task).\(number).log")
    }

    mutating func give(back number: Int, of task: TaskName) {
        taken[task]?.remove(number)
    }

    /// Makes room for the next replica. What fails here shows when the file is opened.
    static func prepare(_ path: String) {
        if let slash = path.lastIndex(of: "/") { try? Files.makeFolder(String(path[..<slash])) }
        if size(of: path) > sizeLimit { try? Files.move(path, to: path + ".old") }
    }

    static func size(of path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }

    /// The last line that was written after `start`.
    static func lastLine(of path: String, after start: Int) -> String? {
        guard let file = try? Files.open(path, O_RDONLY) else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: ErrorText.limit)
        let from = max(start, size(of: path) - bytes.count)
        let count = pread(file, &bytes, bytes.count, from)
        return count > 0 ? ErrorText.lastLine(of: Array(bytes[..<count])) : nil
    }
}
