public import MillraceCore

/// Pictures: inputs by their content, outputs by order and step, on a disk that services and workers share.
public protocol ImageStore: Sendable {
    /// Keeps bytes under their SHA-256; safe on disk when it returns.
    /// - Returns: the reference, and whether it was not there before.
    /// - Throws: `tooLarge`, `full`, `unavailable`, or whatever reading `bytes` throws as `unavailable`.
    func add(_ bytes: some AsyncSequence<[UInt8], any Error> & Sendable) async throws(ImageStoreError)
        -> (ImageReference, isNew: Bool)

    /// Keeps the file at a path, as `add` does.
    /// - Throws: `notFound` when there is no such file, `notAFile` for a folder or a device.
    func add(contentsOf path: String) async throws(ImageStoreError) -> ImageReference

    func contains(_ reference: ImageReference) async -> Bool

    /// Where the bytes are, for a reader on this machine.
    /// - Throws: `notFound`.
    func path(of reference: ImageReference) async throws(ImageStoreError) -> String

    /// The report of a step that has ended, if it has.
    func report(of step: StepKey) async throws(ImageStoreError) -> RunReport?

    /// Makes an empty folder for a run. It stays when the worker dies, and so counts the runs that died.
    /// - Returns: the folder's path, and how many runs of the step began before and never ended.
    func begin(_ run: RunID, of step: StepKey) async throws(ImageStoreError) -> (folder: String, unended: Int)

    /// Ends a step: keeps the report, and the output from the run's folder if it has one, in the step's place, both
    /// in one rename and safe on disk; what other runs of the step left is removed.
    /// - Returns: the report in place: another run's, if that was there first.
    func end(_ step: StepKey, with report: RunReport) async throws(ImageStoreError) -> RunReport

    /// Removes a run's folder without an end: the step will be run again.
    func abandon(_ run: RunID, of step: StepKey) async
}

public struct ImageStoreError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: Hashable, Sendable {
        case notFound
        case notAFile
        /// More bytes than the store takes.
        case tooLarge
        /// The disk is full.
        case full
        /// What is stored cannot be read.
        case corrupt
        /// Not now: the same may work later.
        case unavailable
    }

    public var code: Code
    public var doing: String
    public var cause: String?

    public init(_ code: Code, _ doing: String, cause: String? = nil) {
        self.code = code
        self.doing = doing
        self.cause = cause
    }

    public var description: String {
        "\(doing): " + (cause ?? "\(code)")
    }
}
