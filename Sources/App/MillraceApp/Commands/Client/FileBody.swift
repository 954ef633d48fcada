import Glibc
import NIOCore
import Platform

/// A file's bytes, a chunk at a time, so that an image of any size takes little memory.
struct FileBody: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    let path: String
    /// In bytes.
    let size: Int

    /// Large enough that a thread for each read costs nothing beside it.
    static let chunk = 512 << 10

    /// - Throws: for what is not there, is no file or is empty.
    init(path: String) throws(SystemError) {
        var status = stat()
        guard stat(path, &status) == 0 else { throw .last("opening \(path)") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw SystemError(status.st_mode & S_IFMT == S_IFDIR ? EISDIR : EINVAL, "opening \(path)")
        }
        guard access(path, R_OK) == 0 else { throw .last("opening \(path)") }
        guard status.st_size > 0 else { throw SystemError(ENODATA, "reading \(path), which is empty") }
        self.path = path
        size = status.st_size
    }

    func makeAsyncIterator() -> Iterator { Iterator(path: path, size: size) }

    struct Iterator: AsyncIteratorProtocol {
        let path: String
        let size: Int
        private var offset = 0

        init(path: String, size: Int) {
            self.path = path
            self.size = size
        }

        mutating func next() async throws -> ByteBuffer? {
            let (path, start, count) = (path, offset, Swift.min(FileBody.chunk, size - offset))
            guard count > 0 else { return nil }
            let read = await NamedThread.run("upload") { () -> Result<[UInt8], SystemError> in
                do throws(SystemError) {
                    return .success(try FileBody.read(path, from: start, count: count))
                } catch {
                    return .failure(error)
                }
            }
            let bytes = try read.get()
            offset += bytes.count
            return ByteBuffer(bytes: bytes)
        }
    }

    private static func read(_ path: String, from offset: Int, count: Int) throws(SystemError) -> [UInt8] {
        let file = try Files.open(path, O_RDONLY)
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: count)
        let read = pread(file, &bytes, count, offset)
        guard read >= 0 else { throw .last("reading \(path)") }
        // The size has been told: what is cut short meanwhile cannot be sent as if it were whole.
        guard read > 0 else { throw SystemError(EIO, "reading \(path), which became shorter") }
        return Array(bytes[..<read])
    }
}
