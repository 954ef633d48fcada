import MillraceCore

/// Sends the orders of files and tells how they end, as `submit --wait` does, but an order that fails is only told of.
/// - Parameter url: where Millrace listens.
func submitFiles(_ arguments: [String], to url: String) async throws {
    let files = try OrderFile.read(arguments)
    let progress = ProgressLine(.text)
    try await MillraceClient.with(base: url) { client in
        var taken: [OrderID] = []
        try await Submission(client: client, files: files, progress: progress).run { taken += $0.map(\.id) }
        do {
            try await OrderWaiter(client: client, progress: progress, format: .text).wait(for: taken, timeout: nil)
        } catch let failure as Failure where failure.code == .failed {
            progress.note(failure.message)
        }
    }
}
