import Glibc

/// The few file operations of ``InMemoryImageStore``, through C's own streams: ports depend on no library.
enum PlainFile {
    static func isFile(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    static func makeFolder(_ path: String) throws(ImageStoreError) {
        guard mkdir(path, 0o777) == 0 else { throw .last(.unavailable, "making the folder \(path)") }
    }

    static func read(_ path: String, atMost limit: Int) throws(ImageStoreError) -> [UInt8] {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw .last(errno == ENOENT || errno == ENOTDIR ? .notFound : .unavailable, "opening \(path)")
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw ImageStoreError(.notAFile, "opening \(path)") }
        guard let file = fopen(path, "re") else { throw .last(.unavailable, "opening \(path)") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count < limit {
            let count = fread(&chunk, 1, min(chunk.count, limit - bytes.count), file)
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        guard ferror(file) == 0 else { throw .last(.unavailable, "reading \(path)") }
        return bytes
    }

    static func write(_ bytes: [UInt8], to path: String) throws(ImageStoreError) {
        guard let file = fopen(path, "we") else { throw .last(.unavailable, "opening \(path) for writing") }
        let written = fwrite(bytes, 1, bytes.count, file)
        guard fclose(file) == 0, written == bytes.count else { throw .last(.unavailable, "writing \(path)") }
    }

    /// Removes a file, or a folder with all that is in it; links are removed, not followed. What cannot be removed
    /// stays for whoever cleans temporary folders.
    static func remove(_ path: String) {
        if unlink(path) == 0 { return }
        guard let stream = opendir(path) else { return }
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { remove(path + "/" + name) }
        }
        closedir(stream)
        rmdir(path)
    }
}

extension ImageStoreError {
    /// With the calling thread's errno: must be made right after the call that failed.
    static func last(_ code: Code, _ doing: String) -> ImageStoreError {
        let number = errno
        let isFull = number == ENOSPC || number == EDQUOT
        return ImageStoreError(isFull ? .full : code, doing, cause: String(cString: strerror(number)))
    }
}
