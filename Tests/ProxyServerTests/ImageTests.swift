import Glibc
import HTTPTypes
import Hummingbird
import MillraceCore
import MillracePorts
import MillraceTesting
import NIOCore
import Testing

@testable import ProxyServer

@Suite(.timeLimit(.minutes(1))) struct ImageTests {
    @Test("an uploaded image is kept once, by its content")
    func uploads() async throws {
        let world = try await World()
        try await world.serve { client async throws in
            let bytes = [UInt8](repeating: 7, count: 300_000)
            let first = try await client.post("/v1/images", bytes: bytes)
            #expect(first.status == 201)
            let again = try await client.post("/v1/images", bytes: bytes)
            #expect(again.status == 200 && again.bytes == first.bytes)
            let image = try #require(try first.json()["image"]?.asString)
            #expect(try await client.post("/v1/orders", order("a", image)).status == 202)
            _ = try await client.post("/v1/images", bytes: []).problem(400)
        }
    }

    @Test("an image over the limit is refused: by its length, and while it comes")
    func tooLarge() async throws {
        let world = try await World()
        try await world.serve {
            $0.imageLimit = 1000
        } _: { client async throws in
            _ = try await client.post("/v1/images", bytes: [UInt8](repeating: 7, count: 1001)).problem(413)
            #expect(try await client.post("/v1/images", bytes: [UInt8](repeating: 7, count: 1000)).status == 201)
        }
        #expect(try await problem(of: [600, 600], length: nil)?.status == .contentTooLarge)
        #expect(try await problem(of: [600], length: 700)?.status == .badRequest)
        #expect(try await problem(of: [], length: nil)?.status == .badRequest)
        #expect(try await problem(of: [600, 400], length: 1000) == nil)
    }

    /// Uploads chunks of so many bytes with a limit of 1000.
    private func problem(of chunks: [Int], length: Int?) async throws -> Problem? {
        let stream = AsyncStream<ByteBuffer> { continuation in
            for count in chunks { continuation.yield(ByteBuffer(repeating: 7, count: count)) }
            continuation.finish()
        }
        let upload = Upload(body: RequestBody(asyncSequence: stream), length: length, limit: 1000)
        let store = try InMemoryImageStore()
        do {
            _ = try await store.add(upload)
            #expect(upload.problem == nil)
        } catch {
            #expect(upload.problem != nil)
        }
        return upload.problem
    }

    @Test("a store that keeps fewer bytes than the service says 413 too")
    func storeLimit() async throws {
        let world = try await World()
        try await world.serve { client async throws in
            _ = try await client.post("/v1/images", bytes: [UInt8](repeating: 7, count: 2 << 20)).problem(413)
        }
    }

    @Test("a path names a file inside the image root, and nothing outside it")
    func paths() async throws {
        try await withTemporaryFolder { folder in
            let root = folder + "/root"
            try make(root + "/sub", folder: true)
            try make(root + "/sub/a.jpg")
            try make(folder + "/secret")
            try make(folder + "/root-beside")
            for (target, name) in [
                (folder + "/secret", "out"), (folder, "up"), (folder + "/none", "nowhere"), ("sub", "in"),
                ("loop", "loop"),
            ] { #expect(symlink(target, root + "/" + name) == 0) }
            let world = try await World()
            try await world.serve {
                $0.imageRoot = root
            } _: { client async throws in
                for (number, path) in ["sub/a.jpg", "./sub//a.jpg", "sub/../sub/a.jpg", "in/a.jpg"].enumerated() {
                    let answer = try await client.post("/v1/orders", order("o\(number)", path))
                    #expect(answer.status == 202, "\(path): \(answer.text)")
                    #expect(try answer.json()["image"]?.asString?.hasPrefix("sha256:") == true)
                }
                for path in [
                    "../secret", "sub/../../secret", "out", "up/secret", "up/none", "nowhere", "loop", "../root-beside",
                    root + "/sub/a.jpg", "file:\(folder)/secret", "file:///etc/passwd",
                ] {
                    let answer = try await client.post("/v1/orders", order("x", path))
                    #expect(try answer.problem(400) == "image", "\(path)")
                    #expect(!answer.text.contains(folder))
                }
                for path in ["none.jpg", "none/a.jpg", "sub", "sub/a.jpg/b"] {
                    #expect(try await client.post("/v1/orders", order("x", path)).problem(422) == "image", "\(path)")
                }
                let array = "[\(order("y", "sub/a.jpg")), \(order("z", "none.jpg"))]"
                #expect(try await client.post("/v1/orders", array).problem(422) == "[1].image")
                #expect(try await client.get("/v1/orders/y").status == 404)
            }
        }
    }

    private func make(_ path: String, folder: Bool = false) throws {
        if folder {
            var place = ""
            for part in path.split(separator: "/") {
                place += "/" + part
                _ = mkdir(place, 0o777)
            }
            return
        }
        let file = try #require(fopen(path, "w"))
        fputs(path, file)
        fclose(file)
    }

    @Test("a file's name decides its type, and is told in a way that all understand")
    func headers() {
        #expect(ProxyResponder.mediaType(of: "a.JPG") == "image/jpeg")
        #expect(ProxyResponder.mediaType(of: "a.png") == "image/png")
        #expect(ProxyResponder.mediaType(of: "a.webp") == "image/webp")
        #expect(ProxyResponder.mediaType(of: "a.tiff") == "image/tiff")
        #expect(ProxyResponder.mediaType(of: "a") == "application/octet-stream")
        #expect(ProxyResponder.mediaType(of: ".jpg") == "application/octet-stream")
        #expect(ProxyResponder.disposition("a b.jpg") == "inline; filename=\"a b.jpg\"")
        #expect(
            ProxyResponder.disposition("é\"\n.jpg")
                == "inline; filename=\"____.jpg\"; filename*=UTF-8''%C3%A9%22%0A.jpg")
    }
}
