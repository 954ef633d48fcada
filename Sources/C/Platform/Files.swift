import CLinux
import Glibc

/// Files as the system calls see them; what must survive a power cut is synced by whoever writes it.
public enum Files {
    public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Makes a folder and those above it.
    public static func makeFolder(_ path: String) throws(SystemError) {
        if mkdir(path, 0o777) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw .last("making the folder \(path)")
        }
        try makeFolder(String(path[..<slash]))
        guard mkdir(path, 0o777) == 0 || errno == EEXIST else { throw .last("making the folder \(path)") }
    }

    /// The names in a folder, without `.` and `..`; an absent folder has none.
    /// - Parameter foldersOnly: those of folders, on file systems that tell them apart by name; links to folders are
    ///   none.
    public static func names(in folder: String, foldersOnly: Bool = false) throws(SystemError) -> [String] {
        guard let stream = opendir(folder) else {
            if errno == ENOENT { return [] }
            throw .last("reading the folder \(folder)")
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            if foldersOnly, entry.pointee.d_type != UInt8(DT_DIR) { continue }
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    /// A whole file's bytes.
    public static func read(_ path: String) throws(SystemError) -> [UInt8] {
        let file = millrace_open(path, O_RDONLY | O_CLOEXEC, 0)
        guard file >= 0 else { throw .last("opening \(path)") }
        defer { Glibc.close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(file, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .last("reading \(path)") }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
        }
    }

    /// Writes a file anew; not yet safe on disk unless `sync`.
    public static func write(_ bytes: [UInt8], to path: String, sync: Bool = false) throws(SystemError) {
        let file = millrace_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard file >= 0 else { throw .last("opening \(path) for writing") }
        defer { Glibc.close(file) }
        try write(bytes, to: file, path: path)
        if sync, fdatasync(file) != 0 { throw .last("syncing \(path)") }
    }

    /// Appends bytes to an open file.
    public static func write(_ bytes: [UInt8], to file: CInt, path: String) throws(SystemError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.write(file, buffer.baseAddress?.advanced(by: written), buffer.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .last("writing \(path)") }
            written += count
        }
    }

    /// Opens a file; the caller closes it.
    public static func open(_ path: String, _ flags: CInt, mode: UInt32 = 0o666) throws(SystemError) -> CInt {
        let file = millrace_open(path, flags | O_CLOEXEC, mode)
        guard file >= 0 else { throw .last("opening \(path)") }
        return file
    }

    /// Makes a file's bytes, or a folder's names, safe on disk.
    public static func sync(_ path: String) throws(SystemError) {
        let file = millrace_open(path, O_RDONLY | O_CLOEXEC, 0)
        guard file >= 0 else { throw .last("opening \(path)") }
        defer { Glibc.close(file) }
        guard fsync(file) == 0 else { throw .last("syncing \(path)") }
    }

    /// Renames; both must be on one file system.
    public static func move(_ from: String, to destination: String) throws(SystemError) {
        guard rename(from, destination) == 0 else { throw .last("renaming \(from) to \(destination)") }
    }

    /// Removes a file or a folder with all that is in it; what is not there is no error.
    public static func remove(_ path: String) throws(SystemError) {
        if unlink(path) == 0 || errno == ENOENT { return }
        guard errno == EISDIR || errno == EPERM else { throw .last("removing \(path)") }
        for name in try names(in: path) { try remove(path + "/" + name) }
        guard rmdir(path) == 0 || errno == ENOENT else { throw .last("removing the folder \(path)") }
    }
}
