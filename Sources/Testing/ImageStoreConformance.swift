internal import MillraceCore
public import MillracePorts

/// Opens the same store each time it is called, as a process does that starts anew; fresh at the first call. Its limit
/// for one image is ``ImageStoreConformance/limit``.
public typealias OpenImageStore = @Sendable () async throws -> any ImageStore

/// What every ``ImageStore`` promises.
public enum ImageStoreConformance {
    public static let promises: [ConformancePromise<OpenImageStore>] = adding + running

    /// The most bytes of one image that the store under test takes.
    public static let limit = 1 << 20

    /// FIPS 180-4's example: the hash of `abc`.
    private static let abc = ImageReference.content(
        sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")

    static let adding: [ConformancePromise<OpenImageStore>] = [
        ConformancePromise("bytes are kept under their hash, once") { open in
            let store = try await open()
            try expect(!(await store.contains(abc)), "it is there before it came")
            let first = try await store.add(chunks(["a", "", "bc"]))
            try expect(first.0, equals: abc)
            try expect(first.isNew, equals: true)
            let second = try await store.add(chunks(["abc"]))
            try expect(second.0, equals: abc)
            try expect(second.isNew, equals: false)
            try expect(await store.contains(abc), "it is not there")
            try expect(try readFile(try await store.path(of: abc)), equals: Array("abc".utf8))
        },
        ConformancePromise("no bytes are an image, too") { open in
            let store = try await open()
            let (reference, isNew) = try await store.add(chunks([]))
            let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
            try expect(reference, equals: .content(sha256: empty))
            try expect(isNew, equals: true)
            try expect(try readFile(try await store.path(of: reference)), equals: [])
        },
        ConformancePromise("a file is kept under the hash of its bytes") { open in
            let store = try await open()
            let folder = try TemporaryFolder()
            try writeFile("abc", to: folder.path + "/picture.png")
            try expect(try await store.add(contentsOf: folder.path + "/picture.png"), equals: abc)
            let (reference, isNew) = try await store.add(chunks(["abc"]))
            try expect(reference, equals: abc)
            try expect(isNew, equals: false)
        },
        ConformancePromise("a path that names no file is refused") { open in
            let store = try await open()
            let folder = try TemporaryFolder()
            let absent = try await failure(ImageStoreError.self) {
                _ = try await store.add(contentsOf: folder.path + "/absent.png")
            }
            try expect(absent.code, equals: .notFound)
            let notAFile = try await failure(ImageStoreError.self) { _ = try await store.add(contentsOf: folder.path) }
            try expect(notAFile.code, equals: .notAFile)
            let device = try await failure(ImageStoreError.self) { _ = try await store.add(contentsOf: "/dev/zero") }
            try expect(device.code, equals: .notAFile)
        },
        ConformancePromise("an image of the limit is kept, and a larger one is not") { open in
            let store = try await open()
            let folder = try TemporaryFolder()
            let largest = String(repeating: "x", count: limit)
            let (reference, _) = try await store.add(chunks([largest]))
            try expect(try readFile(try await store.path(of: reference)).count, equals: limit)
            try writeFile(largest + "x", to: folder.path + "/large.png")
            let pieces = (0...16).map { _ in String(repeating: "y", count: limit / 16) }
            let streamed = try await failure(ImageStoreError.self) { _ = try await store.add(chunks(pieces)) }
            try expect(streamed.code, equals: .tooLarge)
            let read = try await failure(ImageStoreError.self) {
                _ = try await store.add(contentsOf: folder.path + "/large.png")
            }
            try expect(read.code, equals: .tooLarge)
            // It goes on as before.
            try expect(try await store.add(chunks(["abc"])).0, equals: abc)
        },
        ConformancePromise("bytes that stop with an error are not kept") { open in
            let store = try await open()
            let broken = AsyncThrowingStream<[UInt8], any Error> { continuation in
                continuation.yield(Array("abc".utf8))
                continuation.finish(throwing: BrokenPromise(description: "the connection was lost"))
            }
            let error = try await failure(ImageStoreError.self) { _ = try await store.add(broken) }
            try expect(error.code, equals: .unavailable)
            try expect(error.cause?.contains("the connection was lost") == true, "the cause is not told: \(error)")
            try expect(!(await store.contains(abc)), "what came before the error was kept")
        },
        ConformancePromise("concurrent uploads of the same bytes are one image") { open in
            let store = try await open()
            let references = try await withThrowingTaskGroup(of: ImageReference.self) { group in
                for _ in 0..<16 { group.addTask { try await store.add(chunks(["a", "b", "c"])).0 } }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            try expect(references, equals: [abc])
            try expect(try readFile(try await store.path(of: abc)), equals: Array("abc".utf8))
        },
        ConformancePromise("an image is there after reopening") { open in
            let store = try await open()
            _ = try await store.add(chunks(["abc"]))
            let reopened = try await open()
            try expect(await reopened.contains(abc), "it is gone")
            try expect(try readFile(try await reopened.path(of: abc)), equals: Array("abc".utf8))
        },
        ConformancePromise("what is not there has no path") { open in
            let store = try await open()
            let step = StepKey(order: try OrderID("a"), index: 0)
            for reference in [abc, .output(step, file: "x.png"), .content(sha256: "../../etc/passwd")] {
                let error = try await failure(ImageStoreError.self) { _ = try await store.path(of: reference) }
                try expect(error.code, equals: .notFound)
                try expect(!(await store.contains(reference)), "\(reference) is there")
            }
        },
    ]

    private static func chunks(_ texts: [String]) -> AsyncThrowingStream<[UInt8], any Error> {
        AsyncThrowingStream { continuation in
            for text in texts { continuation.yield(Array(text.utf8)) }
            continuation.finish()
        }
    }
}
