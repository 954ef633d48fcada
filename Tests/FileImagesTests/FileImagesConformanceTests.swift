import FileImages
import MillracePorts
import MillraceTesting
import Synchronization
import Testing

@Suite struct FileImagesConformanceTests {
    @Test(arguments: ImageStoreConformance.promises)
    func keeps(promise: Promise<OpenImageStore>) async throws {
        try await withTemporaryFolder { folder in
            let opened = Mutex<[FileImageStore]>([])
            try await promise.check {
                let store = try await FileImageStore.open(
                    folder: folder + "/data", limit: ImageStoreConformance.limit)
                opened.withLock { $0.append(store) }
                return store
            }
            for store in opened.withLock({ $0 }) { await store.close() }
        }
    }
}
