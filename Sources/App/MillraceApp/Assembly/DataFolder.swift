import MillracePorts
import Platform

/// The folder of one machine's Millrace: the bus, the store, pictures, and replicas' logs.
struct DataFolder: Sendable {
    let path: String

    var bus: String { path + "/bus.sqlite" }
    var store: String { path + "/store.sqlite" }
    var logs: String { path + "/logs" }
    /// Held by the one `up` that runs here.
    var lock: String { path + "/up.lock" }

    /// Makes the folder where it is not there.
    static func open(_ path: String) throws(SystemError) -> DataFolder {
        let folder = DataFolder(path: path)
        try Files.makeFolder(path)
        try Files.makeFolder(folder.logs)
        return folder
    }
}
