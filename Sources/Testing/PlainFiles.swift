import Glibc

/// A whole small file, for tests.
public func readFile(_ path: String) throws -> [UInt8] {
    guard let file = fopen(path, "re") else { throw BrokenPromise(description: "cannot open \(path): errno \(errno)") }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
        let count = fread(&chunk, 1, chunk.count, file)
        if count == 0 { return bytes }
        bytes += chunk[..<count]
    }
}

/// Writes a small file, for tests.
public func writeFile(_ text: String, to path: String) throws {
    guard let file = fopen(path, "we") else { throw BrokenPromise(description: "cannot open \(path): errno \(errno)") }
    let bytes = Array(text.utf8)
    let written = fwrite(bytes, 1, bytes.count, file)
    guard fclose(file) == 0, written == bytes.count else { throw BrokenPromise(description: "cannot write \(path)") }
}
