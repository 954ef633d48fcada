import MillraceCore
import Platform

/// Sends the orders of files: their images first, each once, then the orders.
struct Submission {
    let client: MillraceClient
    let files: [OrderFile]
    let progress: ProgressLine

    /// The most orders of one request.
    static let ordersPerRequest = 500
    /// The bytes of JSON at which a request is full: half of what the service takes unless it is told otherwise.
    static let bytesPerRequest = 512 << 10
    /// Uploads at a time: enough to keep a line busy, few enough for any service.
    static let uploads = 4

    /// - Parameter onTaken: called with the orders of each request that was taken.
    func run(onTaken: ([OrderView]) -> Void) async throws {
        let images = try await upload(distinctImages())
        let total = files.reduce(0) { $0 + $1.orders.count }
        var taken = 0
        for file in files {
            let orders = Self.orders(of: file, images: images)
            for range in Self.requests(orders) {
                let views = try await submit(orders[range], of: file)
                taken += range.count
                progress.update("submitted \(taken)/\(total) orders")
                onTaken(views)
            }
        }
        progress.milestone("submitted \(Wording.count(total, "order"))")
    }

    /// Each file that is to be uploaded, with the first place that names it.
    private func distinctImages() throws(Failure) -> [(path: String, place: String)] {
        var seen: Set<String> = []
        var images: [(path: String, place: String)] = []
        for file in files {
            for (index, order) in file.orders.enumerated() {
                guard case .path(let written) = order.image else { continue }
                let path = file.path(ofImage: written)
                guard seen.insert(path).inserted else { continue }
                let place = "\(file.place(index)): image"
                // All of them before the first is sent.
                do throws(SystemError) { _ = try FileBody(path: path) } catch {
                    throw Failure(.usage, "millrace: \(place): \(error)")
                }
                images.append((path, place))
            }
        }
        return images
    }

    private func upload(_ images: [(path: String, place: String)]) async throws -> [String: ImageReference] {
        guard !images.isEmpty else { return [:] }
        var references: [String: ImageReference] = [:]
        try await withThrowingTaskGroup(of: (String, ImageReference).self) { group in
            var waiting = images[...]
            for _ in 0..<Self.uploads { add(&waiting, to: &group) }
            while let (path, reference) = try await group.next() {
                references[path] = reference
                progress.update("uploaded \(references.count)/\(images.count) images")
                add(&waiting, to: &group)
            }
        }
        progress.milestone("uploaded \(Wording.count(images.count, "image"))")
        return references
    }

    private func add(
        _ waiting: inout ArraySlice<(path: String, place: String)>,
        to group: inout ThrowingTaskGroup<(String, ImageReference), any Error>
    ) {
        guard let (path, place) = waiting.popFirst() else { return }
        group.addTask { [client, progress] in
            let answer = try await client.upload(path) { progress.note($0) }
            guard answer.isSuccess else { throw client.failure(answer, "\(place): \(path): ") }
            let reference = try client.reading { () throws(JSONError) in
                let text = try JSONFields(JSONValue(parsing: answer.body)).text("image")
                do throws(InvalidValue) { return try ImageReference(parsing: text) } catch {
                    throw JSONError(path: "image", error.problem)
                }
            }
            return (path, reference)
        }
    }

    private static func orders(of file: OrderFile, images: [String: ImageReference]) -> [Order] {
        file.orders.compactMap { request in
            let image: ImageReference? =
                switch request.image {
                case .stored(let reference): reference
                case .path(let path): images[file.path(ofImage: path)]
                }
            return image.map { Order(id: request.id, image: $0, tasks: request.tasks) }
        }
    }

    /// The orders of each request: bounded in number and in bytes.
    static func requests(_ orders: [Order]) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var (start, bytes) = (0, 0)
        for (index, order) in orders.enumerated() {
            let size = order.encoded.count + 1
            if index - start == ordersPerRequest || (index > start && bytes + size > bytesPerRequest) {
                ranges.append(start..<index)
                (start, bytes) = (index, 0)
            }
            bytes += size
        }
        if start < orders.count { ranges.append(start..<orders.count) }
        return ranges
    }

    private func submit(_ orders: ArraySlice<Order>, of file: OrderFile) async throws -> [OrderView] {
        let answer = try await client.submit(orders) { progress.note($0) }
        if answer.isSuccess {
            return try client.reading { () throws(JSONError) in try OrderPage.submitted(json: answer.body) }
        }
        progress.clear()
        // An array is too large for a service that was told a lower limit: halves may not be.
        if answer.status == 413, orders.count > 1 {
            let middle = orders.startIndex + orders.count / 2
            return try await submit(orders[..<middle], of: file) + submit(orders[middle...], of: file)
        }
        guard let problem = ServiceProblem(answer) else { throw client.failure(answer) }
        var place = orders.count == 1 ? file.place(orders.startIndex) : file.name
        var detail = problem.detail
        if orders.count > 1, let (index, rest) = problem.ofArray {
            place = file.place(orders.startIndex + index)
            detail = rest
        }
        throw Failure(problem.code, "millrace: \(place): \(Wording.oneLine(detail))")
    }
}
