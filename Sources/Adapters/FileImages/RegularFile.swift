internal import Glibc
internal import MillracePorts
internal import Platform

/// Regular files, and nothing that only looks like one.
enum RegularFile {
    /// Opens a file for reading; the caller closes it. A FIFO or a device is refused without waiting for it.
    /// - Throws: `notFound`, `notAFile`, `unavailable`.
    static func open(_ path: String, followingLinks: Bool) throws(ImageStoreError) -> CInt {
        let file: CInt
        do throws(SystemError) {
            file = try Files.open(path, O_RDONLY | O_NONBLOCK | (followingLinks ? 0 : O_NOFOLLOW))
        } catch {
            throw switch error.code {
            case ENOENT, ENOTDIR: ImageStoreError(.notFound, "opening \(path)", cause: error.description)
            // A link where none is followed; a socket, a device without a driver.
            case ELOOP where !followingLinks, ENXIO, ENODEV:
                ImageStoreError(.notAFile, "opening \(path)", cause: error.description)
            default: ImageStoreError(error, doing: "opening \(path)")
            }
        }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(file)
            throw ImageStoreError(.notAFile, "opening \(path)", cause: "it is not a regular file")
        }
        return file
    }

    /// Whether a regular file is there, itself and not by a link.
    static func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// Makes a file's bytes safe on disk.
    static func sync(_ file: CInt, _ path: String) throws(SystemError) {
        guard fsync(file) == 0 else { throw .last("syncing \(path)") }
    }

    /// Makes a folder whose parent is there, and its name in that safe on disk. One that is there was made so before,
    /// or is being made so by another process, which tells nobody of what is in it before that is done.
    static func makeFolder(_ path: String, in parent: String) throws(SystemError) {
        if mkdir(path, 0o777) == 0 { return try Files.sync(parent) }
        guard errno == EEXIST else { throw .last("making the folder \(path)") }
    }
}
