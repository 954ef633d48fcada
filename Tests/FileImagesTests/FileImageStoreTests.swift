@testable import FileImages
import Glibc
import MillraceCore
import MillracePorts
import MillraceTesting
import Platform
import Testing

@Suite struct FileImageStoreTests {
    @Test func `an ended step leaves its report and its output, and nothing else`() async throws {
        try await withStore { store, folder in
            let step = StepKey(order: try OrderID("a"), index: 0)
            _ = try await store.begin(RunID("died"), of: step)
            let run = try await store.begin(RunID("run1"), of: step).folder
            for name in ["picture.png", "scratch.tmp"] { try writeFile(name, to: run + "/" + name) }
            try Files.makeFolder(run + "/scratch/deep")
            _ = try await store.end(step, with: report(.finished(output: .output(step, file: "picture.png"))))
            #expect(try Files.names(in: folder + "/outputs/a/0").sorted() == ["picture.png", "result.json"])
            #expect(try Files.names(in: folder + "/runs") == [])
        }
    }

    @Test func `a failed step leaves its report only`() async throws {
        try await withStore { store, folder in
            let step = StepKey(order: try OrderID("a"), index: 3)
            let run = try await store.begin(RunID("run1"), of: step).folder
            try writeFile("half", to: run + "/picture.png")
            let report = try report(.failed(reason: "no luck"))
            _ = try await store.end(step, with: report)
            #expect(try Files.names(in: folder + "/outputs/a/3") == ["result.json"])
            #expect(try readFile(folder + "/outputs/a/3/result.json") == report.encoded)
        }
    }

    @Test func `a link is no output: it could give out any file of this machine`() async throws {
        try await withStore { store, folder in
            let step = StepKey(order: try OrderID("a"), index: 0)
            let run = try await store.begin(RunID("run1"), of: step).folder
            #expect(symlink("/etc/hostname", run + "/picture.png") == 0)
            let error = await #expect(throws: ImageStoreError.self) {
                _ = try await store.end(step, with: report(.finished(output: .output(step, file: "picture.png"))))
            }
            #expect(error?.code == .notAFile)
            #expect(try await store.report(of: step) == nil)
        }
    }

    @Test(arguments: ["../picture.png", "..", "", "a/b"])
    func `an output's name does not lead out of its folder`(name: String) async throws {
        try await withStore { store, folder in
            let step = StepKey(order: try OrderID("a"), index: 0)
            _ = try await store.begin(RunID("run1"), of: step)
            try writeFile("outside", to: folder + "/runs/a/0/picture.png")
            let output = ImageReference.output(step, file: name)
            let error = await #expect(throws: ImageStoreError.self) {
                _ = try await store.end(step, with: report(.finished(output: output)))
            }
            #expect(error?.code == .notAFile)
            #expect(!(await store.contains(output)))
        }
    }

    @Test func `a pipe is refused at once, though nobody writes to it`() async throws {
        try await withStore { store, folder in
            #expect(mkfifo(folder + "/pipe", 0o600) == 0)
            let error = await #expect(throws: ImageStoreError.self) {
                _ = try await store.add(contentsOf: folder + "/pipe")
            }
            #expect(error?.code == .notAFile)
        }
    }

    @Test func `what a dead upload left is swept; one under way goes on`() async throws {
        try await withStore { store, folder in
            let (bytes, source) = AsyncThrowingStream<[UInt8], any Error>.makeStream()
            let (started, start) = AsyncStream<Void>.makeStream()
            let upload = Task {
                try await store.add(
                    bytes.map { chunk in
                        start.yield()
                        return chunk
                    })
            }
            source.yield(Array("abc".utf8))
            // It has its file before it asks for bytes.
            for await _ in started { break }
            try writeFile("half", to: folder + "/images/incoming/dead")
            let other = try await FileImageStore.open(folder: folder)
            #expect(!Files.exists(folder + "/images/incoming/dead"))
            source.finish()
            let reference = try await upload.value.0
            #expect(try readFile(try await other.path(of: reference)) == Array("abc".utf8))
            #expect(try Files.names(in: folder + "/images/incoming") == [])
            await other.close()
        }
    }

    @Test func `an upload that failed leaves nothing`() async throws {
        try await withStore { store, folder in
            let bytes = AsyncThrowingStream<[UInt8], any Error> { $0.finish(throwing: Broken("lost")) }
            await #expect(throws: ImageStoreError.self) { _ = try await store.add(bytes) }
            for place in ["incoming", "sha256"] {
                let names = try Files.names(in: folder + "/images/" + place)
                #expect(names == [])
            }
        }
    }

    @Test func `a report that cannot be read is told, and not taken for none`() async throws {
        try await withStore { store, folder in
            let step = StepKey(order: try OrderID("a"), index: 0)
            try Files.makeFolder(folder + "/outputs/a/0")
            try writeFile("{", to: folder + "/outputs/a/0/result.json")
            let error = await #expect(throws: ImageStoreError.self) { _ = try await store.report(of: step) }
            #expect(error?.code == .corrupt)
        }
    }

    @Test func `a folder that cannot be made is unavailable`() async throws {
        try await withTemporaryFolder { folder in
            try writeFile("", to: folder + "/file")
            let error = await #expect(throws: ImageStoreError.self) {
                _ = try await FileImageStore.open(folder: folder + "/file/data")
            }
            #expect(error?.code == .unavailable)
        }
    }

    @Test func `a closed store is unavailable`() async throws {
        try await withStore { store, _ in
            await store.close()
            let step = StepKey(order: try OrderID("a"), index: 0)
            let error = await #expect(throws: ImageStoreError.self) {
                _ = try await store.begin(try RunID("r1"), of: step)
            }
            #expect(error?.code == .unavailable)
        }
    }

    @Test(arguments: [(ENOSPC, .full), (EDQUOT, .full), (EIO, .unavailable)] as [(CInt, ImageStoreError.Code)])
    func `a full disk is told from other troubles`(number: CInt, code: ImageStoreError.Code) {
        #expect(ImageStoreError(SystemError(number, "writing"), doing: "keeping an image").code == code)
    }

    private func withStore(_ body: (FileImageStore, String) async throws -> Void) async throws {
        try await withTemporaryFolder { folder in
            let store = try await FileImageStore.open(folder: folder)
            try await body(store, folder)
            await store.close()
        }
    }

    private func report(_ outcome: StepOutcome) throws -> RunReport {
        RunReport(
            run: try RunID("run1"), attempt: 1, outcome: outcome, startedAt: Timestamp(microseconds: 1),
            finishedAt: Timestamp(microseconds: 2), totals: RunTotals(), instance: "replica")
    }
}
