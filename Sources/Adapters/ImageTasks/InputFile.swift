import Glibc
import MillracePorts

/// An input that is there and looks like a picture.
struct InputFile: Sendable {
    var path: String
    /// The file's name, for reasons: where a server keeps it is nobody's business.
    var name: String
    var format: InputFormat

    /// - Throws: permanent when it is missing, not a file, unreadable, empty or of no format that is read.
    init(path: String) throws(TaskError) {
        self.path = path
        name = path.split(separator: "/").last.map(String.init) ?? path
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Self.failure(errno, name) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.failure(errno, name) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw TaskError(.permanent, "\(name): is not a file") }
        guard status.st_size > 0 else { throw TaskError(.permanent, "\(name): is empty") }
        var bytes = [UInt8](repeating: 0, count: InputFormat.prefixLength)
        let count = read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { throw Self.failure(errno, name) }
        guard let format = InputFormat(prefix: Array(bytes.prefix(count))) else {
            throw TaskError(
                .permanent, "\(name): is not a picture of a format that is read: JPEG, PNG, WebP, TIFF, GIF")
        }
        self.format = format
    }

    private static func failure(_ code: Int32, _ name: String) -> TaskError {
        switch code {
        case ENOENT, ENOTDIR: TaskError(.permanent, "\(name): there is no such file")
        case EACCES, EPERM: TaskError(.permanent, "\(name): may not be read: permission denied")
        case ENAMETOOLONG, ELOOP: TaskError(.permanent, "\(name): cannot be opened: \(String(cString: strerror(code)))")
        default: TaskError(.temporary, "\(name): cannot be read now: \(String(cString: strerror(code)))")
        }
    }
}
