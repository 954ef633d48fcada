internal import Glibc
internal import MillraceCore
internal import MillracePorts
internal import Platform

/// What runs of steps leave. Several processes may be at the same step; the first rename into its place stands.
struct StepFolders: Sendable {
    let layout: ImageLayout

    func report(of step: StepKey) throws -> RunReport? {
        guard let report = try readReport(of: step) else { return nil }
        // Whoever put it there may have died before its name was on disk; what we tell of it must not come undone.
        try Files.sync(layout.outputs(of: step.order))
        // Nor may it have come to removing what runs of the step left.
        removeRuns(of: step)
        return report
    }

    private func readReport(of step: StepKey) throws -> RunReport? {
        let path = layout.output(step) + "/" + ImageLayout.report
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try Files.read(path)
        } catch {
            if error.code == ENOENT { return nil }
            throw error
        }
        do throws(JSONError) {
            return try RunReport(parsing: bytes)
        } catch {
            throw ImageStoreError(.corrupt, "reading \(path)", cause: error.description)
        }
    }

    func begin(_ run: RunID, of step: StepKey) throws -> (folder: String, unended: Int) {
        let folder = layout.run(run, of: step)
        // The same run again starts from an empty folder, too.
        try Files.remove(folder)
        try makeRunFolder(folder)
        let unended = try Files.names(in: layout.runs(of: step)).count { $0 != run.text }
        return (folder, unended)
    }

    /// Makes the folder and those above it, though the end of another run may just be removing those.
    private func makeRunFolder(_ folder: String) throws(SystemError) {
        for _ in 0..<8 {
            do throws(SystemError) {
                return try Files.makeFolder(folder)
            } catch {
                guard error.code == ENOENT else { throw error }
            }
        }
        try Files.makeFolder(folder)
    }

    func end(_ step: StepKey, with report: RunReport) throws -> RunReport {
        var kept = try readReport(of: step)
        if kept == nil {
            do {
                try place(report, of: step)
            } catch {
                // Another run's end may have come first: its rename makes ours fail, and it takes our folder away.
                kept = try readReport(of: step)
                guard kept != nil else { throw error }
            }
        }
        try Files.sync(layout.outputs(of: step.order))
        removeRuns(of: step)
        return kept ?? report
    }

    private func place(_ report: RunReport, of step: StepKey) throws {
        let folder = layout.run(report.run, of: step)
        let output = report.outputFile(of: step)
        if let output {
            try settle(output, in: folder)
        } else {
            try makeRunFolder(folder)
        }
        let kept = output.map(ImageLayout.keptName)
        for name in try Files.names(in: folder) where name != kept { try Files.remove(folder + "/" + name) }
        try Files.write(report.encoded, to: folder + "/" + ImageLayout.report, sync: true)
        try Files.sync(folder)
        try RegularFile.makeFolder(layout.outputs(of: step.order), in: layout.outputs)
        try Files.move(folder, to: layout.output(step))
    }

    /// Makes the output safe on disk under the name that it is kept under. A link is refused: a task could give any
    /// file of this machine out by it.
    private func settle(_ output: String, in folder: String) throws {
        guard ImageReference.isPlainFileName(output) else {
            throw ImageStoreError(.notAFile, "keeping an output", cause: "‘\(output)’ is no file name")
        }
        let path = folder + "/" + output
        let file = try RegularFile.open(path, followingLinks: false)
        defer { close(file) }
        try RegularFile.sync(file, path)
        let keptName = ImageLayout.keptName(output)
        if keptName != output { try Files.move(path, to: folder + "/" + keptName) }
    }

    /// Removes what runs of an ended step left. What cannot be removed does no harm: nobody begins the step again
    /// without finding its report first.
    private func removeRuns(of step: StepKey) {
        if rmdir(layout.runs(of: step)) != 0 { try? Files.remove(layout.runs(of: step)) }
        rmdir(layout.runs(of: step.order))
    }

    func abandon(_ run: RunID, of step: StepKey) throws {
        try Files.remove(layout.run(run, of: step))
        // The folders above go if they are empty.
        if rmdir(layout.runs(of: step)) == 0 { rmdir(layout.runs(of: step.order)) }
    }
}
