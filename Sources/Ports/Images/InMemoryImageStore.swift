import Glibc
public import MillraceCore
import Synchronization

/// Pictures for tests and for trying services out. What it knows is in memory; the bytes lie in a temporary folder,
/// since readers ask for paths, and go with the last handle. It blocks its callers for as long as small files take.
public final class InMemoryImageStore: ImageStore {
    private let disk: KeptImages
    private let limit: Int

    /// - Parameter limit: the most bytes of one image.
    /// - Throws: `unavailable` when the system has no room for a temporary folder.
    public init(limit: Int = 64 << 20) throws(ImageStoreError) {
        disk = try KeptImages()
        self.limit = limit
    }

    /// Another handle on the same pictures, as a second process or a later one has.
    public init(sharing other: InMemoryImageStore) {
        disk = other.disk
        limit = other.limit
    }

    public func add(
        _ bytes: some AsyncSequence<[UInt8], any Error> & Sendable
    ) async throws(ImageStoreError) -> (ImageReference, isNew: Bool) {
        var all: [UInt8] = []
        do {
            for try await chunk in bytes {
                all += chunk
                guard all.count <= limit else { break }
            }
        } catch {
            throw ImageStoreError(.unavailable, "receiving an image", cause: "\(error)")
        }
        return try keep(all)
    }

    public func add(contentsOf path: String) async throws(ImageStoreError) -> ImageReference {
        try keep(try PlainFile.read(path, atMost: limit + 1)).0
    }

    private func keep(_ bytes: [UInt8]) throws(ImageStoreError) -> (ImageReference, isNew: Bool) {
        guard bytes.count <= limit else {
            throw ImageStoreError(.tooLarge, "keeping an image", cause: "it has more than \(limit) bytes")
        }
        let sha256 = SHA256.hexadecimal(of: bytes)
        // Under the lock, so that nobody is told of a file that is not whole.
        let isNew = disk.state.withLock { state -> Result<Bool, ImageStoreError> in
            guard !state.contents.contains(sha256) else { return .success(false) }
            do throws(ImageStoreError) {
                try PlainFile.write(bytes, to: disk.folder + "/" + sha256)
            } catch {
                return .failure(error)
            }
            state.contents.insert(sha256)
            return .success(true)
        }
        return (.content(sha256: sha256), try isNew.get())
    }

    public func contains(_ reference: ImageReference) async -> Bool { (try? await path(of: reference)) != nil }

    public func path(of reference: ImageReference) async throws(ImageStoreError) -> String {
        let found = disk.state.withLock { state -> String? in
            switch reference {
            case .content(let sha256): state.contents.contains(sha256) ? disk.folder + "/" + sha256 : nil
            case .output(let step, let file): state.ended[step].map { $0.folder + "/" + file }
            }
        }
        guard let found, PlainFile.isFile(found) else { throw ImageStoreError(.notFound, "looking up \(reference)") }
        return found
    }

    public func report(of step: StepKey) async throws(ImageStoreError) -> RunReport? {
        disk.state.withLock { $0.ended[step]?.report }
    }

    public func begin(
        _ run: RunID, of step: StepKey
    ) async throws(ImageStoreError) -> (folder: String, unended: Int) {
        let (folder, unended) = disk.state.withLock { state in
            state.folders += 1
            let others = (state.runs[step] ?? [:]).filter { $0.key != run }
            let folder = "\(disk.folder)/run\(state.folders)"
            state.runs[step, default: [:]][run] = folder
            return (folder, others.count)
        }
        try PlainFile.makeFolder(folder)
        return (folder, unended)
    }

    public func end(_ step: StepKey, with report: RunReport) async throws(ImageStoreError) -> RunReport {
        let kept = disk.state.withLock { state -> RunReport? in
            if let ended = state.ended[step] { return ended.report }
            let folder = state.runs[step]?[report.run] ?? ""
            if let file = report.outputFile(of: step), !PlainFile.isFile(folder + "/" + file) { return nil }
            state.ended[step] = (report, folder)
            state.runs[step] = nil
            return report
        }
        guard let kept else {
            throw ImageStoreError(.notFound, "ending step \(step)", cause: "run \(report.run) has no such output")
        }
        return kept
    }

    public func abandon(_ run: RunID, of step: StepKey) async {
        disk.state.withLock { $0.runs[step]?[run] = nil }
    }
}

extension RunReport {
    /// The name of the file that the run leaves in the step's place; nil when it failed or passed its input on.
    public func outputFile(of step: StepKey) -> String? {
        if case .finished(.output(step, let file)) = outcome { file } else { nil }
    }
}

/// What handles share, and the folder that goes with it.
private final class KeptImages: Sendable {
    struct State {
        var contents: Set<String> = []
        /// Folders of runs that have not ended.
        var runs: [StepKey: [RunID: String]] = [:]
        var ended: [StepKey: (report: RunReport, folder: String)] = [:]
        var folders = 0
    }

    let folder: String
    let state = Mutex(State())

    init() throws(ImageStoreError) {
        var template = Array("/tmp/millrace-images-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw .last(.unavailable, "making a temporary folder") }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { PlainFile.remove(folder) }
}
