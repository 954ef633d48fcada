import HTTPTypes
import MillraceCore
import MillracePorts
import NIOPosix

/// Finds or imports the images that a request's orders name; each of them once.
struct ImageLookup {
    let images: any ImageStore
    let root: ImageRoot?
    private var found: [OrderRequest.Image: ImageReference] = [:]

    init(images: any ImageStore, root: String?) {
        self.images = images
        self.root = root.map(ImageRoot.init(folder:))
    }

    /// - Parameter place: where the image is named.
    mutating func reference(of image: OrderRequest.Image, at place: String) async throws -> ImageReference {
        if let reference = found[image] { return reference }
        let reference: ImageReference
        switch image {
        case .stored(let stored):
            guard await images.contains(stored) else {
                throw Problem(
                    .unprocessableContent, "\(place): \(stored) is not stored; POST it to /v1/images first",
                    field: place)
            }
            reference = stored
        case .path(let path):
            reference = try await importImage(path, at: place)
        }
        found[image] = reference
        return reference
    }

    private func importImage(_ path: String, at place: String) async throws -> ImageReference {
        guard let root else {
            throw Problem(
                .badRequest,
                "\(place): this service takes no paths; POST the image to /v1/images and name its sha256:…",
                field: place)
        }
        // Looking files up may wait for a disk: not on a thread that answers others.
        switch try await NIOThreadPool.singleton.runIfActive({ root.find(path) }) {
        case .inside(let file):
            do throws(ImageStoreError) {
                return try await images.add(contentsOf: file)
            } catch {
                throw Self.problem(error, at: place)
            }
        case .missing:
            throw Problem(.unprocessableContent, "\(place): there is no such file in the image root", field: place)
        case .outside:
            throw Problem(
                .badRequest, "\(place): must be a path relative to the image root that stays inside it", field: place)
        }
    }

    /// The file's own path is not told.
    private static func problem(_ error: ImageStoreError, at place: String) -> Problem {
        switch error.code {
        case .notFound:
            Problem(.unprocessableContent, "\(place): there is no such file in the image root", field: place)
        case .notAFile: Problem(.unprocessableContent, "\(place): is not a file", field: place)
        case .tooLarge: Problem(.contentTooLarge, "\(place): the image is too large", field: place)
        case .full, .corrupt, .unavailable: Problem(error)
        }
    }
}
