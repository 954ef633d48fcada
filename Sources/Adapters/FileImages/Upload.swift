internal import Crypto
internal import Glibc
internal import MillraceCore
internal import MillracePorts
internal import Platform

/// An image on its way in: written to a file of its own while it is hashed, then renamed to its hash.
///
/// The file is locked while its writer lives: that is how ``sweep(_:)`` tells what a dead one left.
struct Upload: Sendable {
    private let layout: ImageLayout
    private let limit: Int
    private let path: String
    private let file: CInt
    private var hash = SHA256()
    private var count = 0

    init(_ layout: ImageLayout, limit: Int) throws {
        self.layout = layout
        self.limit = limit
        while true {
            let path = layout.incoming + "/" + String(UInt64.random(in: .min ... .max), radix: 16)
            let file = try Files.open(path, O_RDWR | O_CREAT | O_EXCL)
            var status = stat()
            // A sweep that saw the file before it was locked has removed it: another try.
            if flock(file, LOCK_EX) == 0, fstat(file, &status) == 0, status.st_nlink > 0 {
                self.path = path
                self.file = file
                return
            }
            Glibc.close(file)
        }
    }

    /// - Throws: `tooLarge`, `full`, `unavailable`.
    mutating func append(_ bytes: [UInt8]) throws {
        count += bytes.count
        guard count <= limit else {
            throw ImageStoreError(.tooLarge, "keeping an image", cause: "it has more than \(limit) bytes")
        }
        bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
        try Files.write(bytes, to: file, path: path)
    }

    /// Puts the file in its place, safe on disk.
    func finish() throws -> (ImageReference, isNew: Bool) {
        let sha256 = hash.finalize().reduce(into: "") { digits, byte in
            if byte < 16 { digits += "0" }
            digits += String(byte, radix: 16)
        }
        guard let place = layout.content(sha256) else { throw ImageStoreError(.corrupt, "hashing an image") }
        try RegularFile.makeFolder(place.folder, in: layout.contents)
        let isNew = !RegularFile.exists(place.folder + "/" + place.name)
        if isNew {
            try RegularFile.sync(file, path)
            // Where another upload of the same bytes was first in the meantime, this replaces equal by equal.
            try Files.move(path, to: place.folder + "/" + place.name)
        }
        // For one that was there, too: whoever put it there may not have come to this point.
        try Files.sync(place.folder)
        return (.content(sha256: sha256), isNew)
    }

    /// Removes what was written and not put in its place, and closes the file. To be called once, at the end.
    func close() {
        unlink(path)
        Glibc.close(file)
    }

    /// Removes what uploads left whose process has died.
    static func sweep(_ layout: ImageLayout) throws(SystemError) {
        for name in try Files.names(in: layout.incoming) {
            let path = layout.incoming + "/" + name
            // Gone since, or not ours to open: left to whoever has it.
            guard let file = try? Files.open(path, O_RDWR | O_NOFOLLOW) else { continue }
            if flock(file, LOCK_EX | LOCK_NB) == 0 { unlink(path) }
            Glibc.close(file)
        }
    }
}
