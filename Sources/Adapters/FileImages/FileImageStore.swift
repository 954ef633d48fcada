internal import Glibc
public import MillraceCore
public import MillracePorts
internal import Platform
internal import Synchronization

/// Pictures as files in a data folder that services and workers of one machine share. The layout is in `ImageLayout`.
///
/// What a call returned is safe on disk: files, and the folders that name them, are synced before. File operations run
/// on threads of the store's own: one for steps, which wait for little, and two for uploads, which may be long. Those
/// live until ``close()``. Only a run's beginning is not synced: a power cut is no run that died.
public final class FileImageStore: ImageStore {
    private let layout: ImageLayout
    private let limit: Int
    private let stepThread = FileThread("images-steps")
    private let uploadThreads = [FileThread("images-upload1"), FileThread("images-upload2")]
    private let nextUpload = Mutex(0)

    /// Opens the folder, and makes it where it is not there.
    /// - Parameter limit: the most bytes of one image that is added; outputs are not limited.
    /// - Throws: `full`, `unavailable`.
    public static func open(
        folder: String, limit: Int = 256 << 20
    ) async throws(ImageStoreError) -> FileImageStore {
        let store = FileImageStore(layout: ImageLayout(root: folder), limit: limit)
        do throws(ImageStoreError) {
            try await store.stepThread.run("opening the images' folder \(folder)") { [layout = store.layout] in
                for folder in [layout.contents, layout.incoming, layout.outputs, layout.runs] {
                    try Files.makeFolder(folder)
                }
                try Files.sync(layout.root + "/images")
                try Files.sync(layout.root)
                try Upload.sweep(layout)
            }
        } catch {
            await store.close()
            throw error
        }
        return store
    }

    private init(layout: ImageLayout, limit: Int) {
        self.layout = layout
        self.limit = limit
    }

    /// Ends the store's threads when they have done what was asked. Calls after that throw `unavailable`.
    public func close() async {
        await stepThread.close()
        for thread in uploadThreads { await thread.close() }
    }

    private var steps: StepFolders { StepFolders(layout: layout) }
}

// MARK: - References

extension FileImageStore {
    public func contains(_ reference: ImageReference) async -> Bool { (try? await path(of: reference)) != nil }

    public func path(of reference: ImageReference) async throws(ImageStoreError) -> String {
        // A stat of a local file takes 3 µs and the way to a thread and back 60: it is done where it is asked for.
        guard let path = layout.path(of: reference), RegularFile.exists(path) else {
            throw ImageStoreError(.notFound, "looking up \(reference)", cause: "there is no such image")
        }
        return path
    }
}

// MARK: - Steps

extension FileImageStore {
    public func report(of step: StepKey) async throws(ImageStoreError) -> RunReport? {
        // Most steps have none yet, which a stat tells.
        guard Files.exists(layout.output(step)) else { return nil }
        return try await stepThread.run("reading the report of step \(step)") { [steps] in try steps.report(of: step) }
    }

    public func begin(
        _ run: RunID, of step: StepKey
    ) async throws(ImageStoreError) -> (folder: String, unended: Int) {
        try await stepThread.run("beginning a run of step \(step)") { [steps] in try steps.begin(run, of: step) }
    }

    public func end(_ step: StepKey, with report: RunReport) async throws(ImageStoreError) -> RunReport {
        try await stepThread.run("ending step \(step)") { [steps] in try steps.end(step, with: report) }
    }

    public func abandon(_ run: RunID, of step: StepKey) async {
        // What stays counts as a run that died: the worst is that the step is given up an attempt early.
        try? await stepThread.run("abandoning a run of step \(step)") { [steps] in try steps.abandon(run, of: step) }
    }
}

// MARK: - Uploads

extension FileImageStore {
    /// What is read, hashed and written at once: enough that handing it to the thread costs little beside it.
    private static let chunkSize = 256 << 10

    public func add(
        _ bytes: some AsyncSequence<[UInt8], any Error> & Sendable
    ) async throws(ImageStoreError) -> (ImageReference, isNew: Bool) {
        let thread = uploadThread()
        return try await upload(on: thread) { upload in
            var upload = upload
            var chunk: [UInt8] = []
            for try await more in bytes {
                chunk += more
                if chunk.count >= Self.chunkSize {
                    upload = try await thread.appending(chunk, to: upload)
                    chunk = []
                }
            }
            return try await thread.appending(chunk, to: upload)
        }
    }

    public func add(contentsOf path: String) async throws(ImageStoreError) -> ImageReference {
        let thread = uploadThread()
        let file = try await thread.run("opening \(path)") { try RegularFile.open(path, followingLinks: true) }
        defer { Glibc.close(file) }
        return try await upload(on: thread) { upload in
            var upload = upload
            while true {
                let next = try await thread.run("keeping \(path)") { [upload] () -> Upload? in
                    var upload = upload
                    let chunk = try Files.chunk(of: file, atMost: Self.chunkSize, path: path)
                    try upload.append(chunk)
                    return chunk.isEmpty ? nil : upload
                }
                guard let next else { return upload }
                upload = next
            }
        }.0
    }

    /// Keeps what `fill` appends, or nothing if it throws.
    private func upload(
        on thread: FileThread, _ fill: (Upload) async throws -> Upload
    ) async throws(ImageStoreError) -> (ImageReference, isNew: Bool) {
        let upload = try await thread.run("keeping an image") { [layout, limit] in try Upload(layout, limit: limit) }
        let filled: Upload
        do {
            filled = try await fill(upload)
        } catch {
            try? await thread.run("discarding an image") { upload.close() }
            throw ImageStoreError(error, doing: "receiving an image")
        }
        return try await thread.run("keeping an image") {
            defer { filled.close() }
            return try filled.finish()
        }
    }

    /// Uploads take turns on the threads, so that a slow one holds up half of them at most.
    private func uploadThread() -> FileThread {
        nextUpload.withLock { next in
            next = (next + 1) % uploadThreads.count
            return uploadThreads[next]
        }
    }
}

extension FileThread {
    fileprivate func appending(_ chunk: [UInt8], to upload: Upload) async throws(ImageStoreError) -> Upload {
        try await run("keeping an image") {
            var upload = upload
            try upload.append(chunk)
            return upload
        }
    }
}

extension Files {
    /// The next bytes of an open file; none at its end.
    fileprivate static func chunk(of file: CInt, atMost size: Int, path: String) throws(SystemError) -> [UInt8] {
        var failure: SystemError?
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            var result = Glibc.read(file, buffer.baseAddress, size)
            while result < 0, errno == EINTR { result = Glibc.read(file, buffer.baseAddress, size) }
            if result < 0 { failure = .last("reading \(path)") }
            count = max(0, result)
        }
        if let failure { throw failure }
        return bytes
    }
}
