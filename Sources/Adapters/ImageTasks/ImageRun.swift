import Glibc
import MillracePorts
import Synchronization

/// One attempt, on a thread that may block.
struct ImageRun: Sendable {
    var operation: ImageOperation
    var input: String
    var folder: String
    /// Of the input, and of an output that is resized.
    var pixelLimit: Int

    /// libvips keeps one text of errors for the process, so runs take turns. A worker has one step at a time anyway.
    private static let turn = Mutex<Void>(())

    /// - Returns: the output's file name.
    func outcome(with job: VipsJob) -> Result<String, TaskError> {
        Self.turn.withLock { _ in
            // In this turn and on this thread, as closing uses libvips too.
            defer {
                job.clear()
                VipsJob.endThread()
            }
            do throws(TaskError) {
                return .success(try perform(with: job))
            } catch {
                return .failure(error)
            }
        }
    }

    private func perform(with job: VipsJob) throws(TaskError) -> String {
        guard !job.isCancelled else { throw Self.cancelled }
        let file = try InputFile(path: input)
        try VipsJob.loadLibrary()
        let pipeline = ImagePipeline(job: job, file: file, pixelLimit: pixelLimit)
        let (format, quality) = operation.output(for: file.format)
        let path = "\(folder)/\(format.fileName)"
        do throws(VipsJob.Failure) {
            try pipeline.apply(operation)
            try pipeline.save(path, format, quality: quality)
        } catch {
            // Half an output is of no use, and on a full disk it is in the way.
            unlink(path)
            guard !job.isCancelled else { throw Self.cancelled }
            guard access(folder, W_OK) == 0 else { throw TaskError(.temporary, "the run's folder cannot be written") }
            throw error.asTaskError(of: file)
        }
        return format.fileName
    }

    private static let cancelled = TaskError(.temporary, "the run was cancelled")
}

extension ImageOperation {
    fileprivate func output(for input: InputFormat) -> (OutputFormat, quality: Int) {
        if case .convert(let format, let quality) = self {
            (format, quality)
        } else {
            (input.output, Self.defaultQuality)
        }
    }
}

extension VipsJob.Failure {
    /// - Returns: a reason of one line that names the input.
    fileprivate func asTaskError(of file: InputFile) -> TaskError {
        switch self {
        case .refused(let reason):
            return TaskError(.permanent, "\(file.name): \(reason)")
        case .libvips(let text):
            // libvips hands the system's own words on, and nothing else that tells its failures apart.
            for code in [ENOSPC, EDQUOT] where text.contains(String(cString: strerror(code))) {
                return TaskError(.temporary, "the disk is full: the output of \(file.name) could not be written")
            }
            for code in [ENOMEM, EIO, EMFILE, ENFILE] where text.contains(String(cString: strerror(code))) {
                return TaskError(.temporary, "\(file.name): \(String(cString: strerror(code)))")
            }
            if text.contains("out of memory") {
                return TaskError(.temporary, "\(file.name): there is not enough memory")
            }
            return TaskError(
                .permanent, "\(file.name): is damaged or not a \(file.format.rawValue) file: \(firstLine(of: text))")
        }
    }

    /// The first is nearest to the cause; those after it follow from it.
    private func firstLine(of text: String) -> String {
        text.split(separator: "\n").first.map(String.init) ?? "libvips gives no reason"
    }
}
