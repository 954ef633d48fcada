import FileImages
import MillracePorts
import MillraceTesting
import Synchronization
import Testing

@Suite struct FileImagesConformanceTests {
    @Test(arguments: ImageStoreConformance.promises)
    func keeps(promise: ConformancePromise<OpenImageStore>) async throws {
        let folder = try TemporaryFolder()
        let opened = Mutex<[FileImageStore]>([])
        try await promise.check {
            let store = try await FileImageStore.open(
                folder: folder.path + "/data", limit: ImageStoreConformance.limit)
            opened.withLock { $0.append(store) }
            return store
        }
        for store in opened.withLock({ $0 }) { await store.close() }
    }
}
