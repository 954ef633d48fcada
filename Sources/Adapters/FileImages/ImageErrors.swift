internal import MillracePorts
internal import Platform

extension ImageStoreError {
    /// What lies beneath, as the port's codes tell it.
    init(_ error: any Error, doing: String) {
        switch error {
        case let error as ImageStoreError: self = error
        case let error as SystemError:
            self.init(error.isDiskFull ? .full : .unavailable, doing, cause: error.description)
        default: self.init(.unavailable, doing, cause: "\(error)")
        }
    }
}
