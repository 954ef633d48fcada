import HTTPTypes
import Hummingbird
import MillraceCore
import MillracePorts
import NIOCore
import Synchronization

// `POST /v1/images`: the body goes to the store as it comes.
extension ProxyResponder {
    func upload(_ request: Request) async throws -> Response {
        let length = request.headers[.contentLength].flatMap { Int($0) }
        if let length, length > settings.imageLimit { throw Problem.tooLarge("An image", limit: settings.imageLimit) }
        let upload = Upload(body: request.body, length: length, limit: settings.imageLimit)
        let reference: ImageReference
        let isNew: Bool
        do throws(ImageStoreError) {
            (reference, isNew) = try await images.add(upload)
        } catch {
            // The store tells of a body that ended early as of any other that it could not read.
            if let problem = upload.problem { throw problem }
            throw error
        }
        var writer = JSONWriter()
        writer.beginObject()
        writer.field("image", reference.description)
        writer.endObject()
        return .json(isNew ? .created : .ok, writer.bytes)
    }
}

/// A request's body as a store takes it. It ends with an error where it is empty, too long, or not whole.
struct Upload: AsyncSequence, Sendable {
    typealias Element = [UInt8]
    typealias Failure = any Error

    let body: RequestBody
    /// As the request's head says.
    let length: Int?
    let limit: Int
    private let failure = Failed()

    init(body: RequestBody, length: Int?, limit: Int) {
        self.body = body
        self.length = length
        self.limit = limit
    }

    /// Why it ended with an error, if it did.
    var problem: Problem? { failure.problem.withLock { $0 } }

    func makeAsyncIterator() -> Iterator {
        Iterator(chunks: body.makeAsyncIterator(), length: length, limit: limit, failure: failure)
    }

    final class Failed: Sendable {
        let problem = Mutex<Problem?>(nil)

        func with(_ new: Problem) -> Problem {
            problem.withLock { $0 = new }
            return new
        }
    }

    struct Iterator: AsyncIteratorProtocol {
        var chunks: RequestBody.AsyncIterator
        let length: Int?
        let limit: Int
        let failure: Failed
        private var count = 0

        init(chunks: RequestBody.AsyncIterator, length: Int?, limit: Int, failure: Failed) {
            self.chunks = chunks
            self.length = length
            self.limit = limit
            self.failure = failure
        }

        mutating func next() async throws -> [UInt8]? {
            guard let chunk = try await chunks.next() else {
                guard count > 0 else { throw failure.with(Problem(.badRequest, "The request has no bytes.")) }
                guard length == nil || length == count else {
                    throw failure.with(Problem(.badRequest, "The image is not whole: the connection ended before."))
                }
                return nil
            }
            count += chunk.readableBytes
            guard count <= limit else { throw failure.with(.tooLarge("An image", limit: limit)) }
            return Array(buffer: chunk)
        }
    }
}
