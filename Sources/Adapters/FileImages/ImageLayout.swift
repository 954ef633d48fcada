internal import MillraceCore

/// Where things lie in the data folder.
///
///     images/sha256/ab/abcdef…        what was uploaded, by its hash
///     images/incoming/RANDOM          uploads on their way
///     outputs/ORDER/STEP/result.json  a step's report, and beside it the file that the step left
///     runs/ORDER/STEP/RUN/            what a run is writing
///
/// An order's id may be any name but `.` and `..`, and begin with a dot: so a folder that has orders in it has nothing
/// else in it, and runs lie beside `outputs`, not in it. Both must be on one file system, as a run ends by a rename.
struct ImageLayout: Sendable {
    let root: String

    var contents: String { root + "/images/sha256" }
    var incoming: String { root + "/images/incoming" }
    var outputs: String { root + "/outputs" }
    var runs: String { root + "/runs" }

    /// The folder and the name in it; nil for what is not a hash, which could lead out of the folder.
    func content(_ sha256: String) -> (folder: String, name: String)? {
        let utf8 = sha256.utf8
        guard utf8.count == 64, utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }) else {
            return nil
        }
        return (contents + "/" + sha256.prefix(2), sha256)
    }

    func outputs(of order: OrderID) -> String { outputs + "/" + order.text }
    func output(_ step: StepKey) -> String { outputs(of: step.order) + "/\(step.index)" }
    func runs(of order: OrderID) -> String { runs + "/" + order.text }
    func runs(of step: StepKey) -> String { runs(of: step.order) + "/\(step.index)" }
    func run(_ run: RunID, of step: StepKey) -> String { runs(of: step) + "/" + run.text }

    static let report = "result.json"

    /// The name under which an output is kept: a task may call its output as the report is called. A step has one
    /// output, so the other name is free.
    static func keptName(_ file: String) -> String { file == report ? report + ".output" : file }

    func path(of reference: ImageReference) -> String? {
        switch reference {
        case .content(let sha256): content(sha256).map { $0.folder + "/" + $0.name }
        case .output(let step, let file):
            ImageReference.isPlainFileName(file) ? output(step) + "/" + Self.keptName(file) : nil
        }
    }
}
