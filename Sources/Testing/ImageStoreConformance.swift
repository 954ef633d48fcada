internal import MillraceCore
public import MillracePorts

/// Opens the same store each time it is called, as a process does that starts anew; fresh at the first call. Its limit
/// for one image is ``ImageStoreConformance/limit``.
public typealias OpenImageStore = @Sendable () async throws -> any ImageStore

/// What every ``ImageStore`` promises.
public enum ImageStoreConformance {
    public static let promises: [Promise<OpenImageStore>] = adding + running

    /// The most bytes of one image that the store under test takes.
    public static let limit = 1 << 20

    /// FIPS 180-4's example: the hash of `abc`.
    private static let abc = ImageReference.content(
        sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")

    static let adding: [Promise<OpenImageStore>] = [
        Promise("bytes are kept under their hash, once") { open in
            let store = try await open()
            try expect(!(await store.contains(abc)), "it is there before it came")
            let first = try await store.add(chunks(["a", "", "bc"]))
            try expectEqual(first.0, abc)
            try expectEqual(first.isNew, true)
            let second = try await store.add(chunks(["abc"]))
            try expectEqual(second.0, abc)
            try expectEqual(second.isNew, false)
            try expect(await store.contains(abc), "it is not there")
            try expectEqual(try readFile(try await store.path(of: abc)), Array("abc".utf8))
        },
        Promise("no bytes are an image, too") { open in
            let store = try await open()
            let (reference, isNew) = try await store.add(chunks([]))
            let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
            try expectEqual(reference, .content(sha256: empty))
            try expectEqual(isNew, true)
            try expectEqual(try readFile(try await store.path(of: reference)), [])
        },
        Promise("a file is kept under the hash of its bytes") { open in
            let store = try await open()
            try await withTemporaryFolder { folder in
                try writeFile("abc", to: folder + "/picture.png")
                try expectEqual(try await store.add(contentsOf: folder + "/picture.png"), abc)
                let (reference, isNew) = try await store.add(chunks(["abc"]))
                try expectEqual(reference, abc)
                try expectEqual(isNew, false)
            }
        },
        Promise("a path that names no file is refused") { open in
            let store = try await open()
            try await withTemporaryFolder { folder in
                let absent = try await failure(ImageStoreError.self) {
                    _ = try await store.add(contentsOf: folder + "/absent.png")
                }
                try expectEqual(absent.code, .notFound)
                let notAFile = try await failure(ImageStoreError.self) { _ = try await store.add(contentsOf: folder) }
                try expectEqual(notAFile.code, .notAFile)
                let device = try await failure(ImageStoreError.self) {
                    _ = try await store.add(contentsOf: "/dev/zero")
                }
                try expectEqual(device.code, .notAFile)
            }
        },
        Promise("an image of the limit is kept, and a larger one is not") { open in
            let store = try await open()
            try await withTemporaryFolder { folder in
                let largest = String(repeating: "x", count: limit)
                let (reference, _) = try await store.add(chunks([largest]))
                try expectEqual(try readFile(try await store.path(of: reference)).count, limit)
                try writeFile(largest + "x", to: folder + "/large.png")
                let pieces = (0...16).map { _ in String(repeating: "y", count: limit / 16) }
                let streamed = try await failure(ImageStoreError.self) { _ = try await store.add(chunks(pieces)) }
                try expectEqual(streamed.code, .tooLarge)
                let read = try await failure(ImageStoreError.self) {
                    _ = try await store.add(contentsOf: folder + "/large.png")
                }
                try expectEqual(read.code, .tooLarge)
                // It goes on as before.
                try expectEqual(try await store.add(chunks(["abc"])).0, abc)
            }
        },
        Promise("bytes that stop with an error are not kept") { open in
            let store = try await open()
            let broken = AsyncThrowingStream<[UInt8], any Error> { continuation in
                continuation.yield(Array("abc".utf8))
                continuation.finish(throwing: Broken("the connection was lost"))
            }
            let error = try await failure(ImageStoreError.self) { _ = try await store.add(broken) }
            try expectEqual(error.code, .unavailable)
            try expect(error.cause?.contains("the connection was lost") == true, "the cause is not told: \(error)")
            try expect(!(await store.contains(abc)), "what came before the error was kept")
        },
        Promise("concurrent uploads of the same bytes are one image") { open in
            let store = try await open()
            let references = try await withThrowingTaskGroup(of: ImageReference.self) { group in
                for _ in 0..<16 { group.addTask { try await store.add(chunks(["a", "b", "c"])).0 } }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            try expectEqual(references, [abc])
            try expectEqual(try readFile(try await store.path(of: abc)), Array("abc".utf8))
        },
        Promise("an image is there after reopening") { open in
            let store = try await open()
            _ = try await store.add(chunks(["abc"]))
            let reopened = try await open()
            try expect(await reopened.contains(abc), "it is gone")
            try expectEqual(try readFile(try await reopened.path(of: abc)), Array("abc".utf8))
        },
        Promise("what is not there has no path") { open in
            let store = try await open()
            let step = StepKey(order: try OrderID("a"), index: 0)
            for reference in [abc, .output(step, file: "x.png"), .content(sha256: "../../etc/passwd")] {
                let error = try await failure(ImageStoreError.self) { _ = try await store.path(of: reference) }
                try expectEqual(error.code, .notFound)
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
