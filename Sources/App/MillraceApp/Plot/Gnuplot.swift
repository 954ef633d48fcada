import Glibc
import Platform

/// Draws figures with gnuplot, which is an external program.
struct Gnuplot: Sendable {
    static let missing = "gnuplot is not installed: apt-get install gnuplot-nox"

    /// Looked up in the `PATH` if it has no slash.
    var program = "gnuplot"
    var environment: [String: String] = OwnProcess.environment

    /// Draws a picture. What was at `path` stays until the new one is whole.
    /// - Parameter path: ends with `.svg` or `.png`. Its folder must be there.
    func draw(_ figure: some PlotFigure, to path: String) async throws(PlotError) {
        _ = try await remarks(drawing: figure, to: path)
    }

    /// As ``draw(_:to:)``.
    /// - Returns: the end of what gnuplot complained of though it drew the picture; empty as a rule.
    func remarks(drawing figure: some PlotFigure, to path: String) async throws(PlotError) -> String {
        let format = try PlotFormat(path: path)
        let mark = String(UInt64.random(in: .min ... .max), radix: 36)
        // Beside the target, as a rename does not leave a file system.
        let (folder, name) = Self.split(path)
        let picture = "\(folder)/.\(mark).\(format.rawValue)"
        let script = "\(environment["TMPDIR"] ?? "/tmp")/millrace-plot-\(mark).gnuplot"
        do throws(SystemError) {
            // Made here, as gnuplot goes on without a file if it cannot make one.
            try Self.makeNew(picture)
        } catch {
            throw Self.problem(error, folder: folder, path: path)
        }
        defer {
            try? Files.remove(picture)
            try? Files.remove(script)
        }
        let text = figure.script(format, output: picture).text
        do throws(SystemError) {
            try Self.makeNew(script)
            try Files.write(Array(text.utf8), to: script)
        } catch {
            throw PlotError("cannot write gnuplot's script: \(error)")
        }
        let remarks = try await run(script, drawing: path)
        let isWhole: Bool
        do throws(SystemError) {
            isWhole = try format.isWhole(Files.read(picture))
            if isWhole { try Files.move(picture, to: folder + "/" + name) }
        } catch {
            throw PlotError("cannot write ‘\(path)’: \(error)")
        }
        guard isWhole else {
            throw PlotError(Self.sentence("gnuplot did not finish ‘\(path)’: is the disk full?", remarks))
        }
        return remarks
    }

    private func run(_ script: String, drawing path: String) async throws(PlotError) -> String {
        // Without the user's own settings of gnuplot, which would change the picture.
        var launch = Launch(command: [program, "--default-settings", script], environment: environment)
        // Numbers with points, names in UTF-8.
        launch.environment["LC_ALL"] = "C.UTF-8"
        launch.errors = .captured
        launch.isGuarded = true
        let exit: ChildExit
        do throws(SystemError) {
            exit = try await ChildProcess.run(launch, killAfter: .seconds(1))
        } catch {
            throw PlotError(error.code == ENOENT ? Self.missing : "gnuplot cannot be run: \(error)")
        }
        let remarks = ErrorText.end(of: exit.errorTail)
        guard exit.status == .exited(0) else {
            if Task.isCancelled { throw PlotError("drawing ‘\(path)’ was cancelled") }
            throw PlotError(Self.sentence("gnuplot \(exit.status) while drawing ‘\(path)’", remarks))
        }
        return remarks
    }

    private static func sentence(_ text: String, _ remarks: String) -> String {
        remarks.isEmpty ? text : "\(text): \(remarks)"
    }

    private static func makeNew(_ path: String) throws(SystemError) {
        let file = try Files.open(path, O_WRONLY | O_CREAT | O_EXCL)
        close(file)
    }

    static func split(_ path: String) -> (folder: String, name: String) {
        // gnuplot takes a name that begins with a bar for a command, and one with a tilde for a home.
        let path = path.hasPrefix("/") ? path : "./" + path
        let slash = path.lastIndex(of: "/") ?? path.startIndex
        return (String(path[..<slash]), String(path[slash...].dropFirst()))
    }

    private static func problem(_ error: SystemError, folder: String, path: String) -> PlotError {
        let shown = folder.isEmpty ? "/" : folder
        switch error.code {
        case ENOENT where !Files.exists(shown):
            return PlotError("the folder of the picture ‘\(path)’ is not there: mkdir -p ‘\(shown)’")
        case ENOTDIR: return PlotError("‘\(shown)’, where the picture ‘\(path)’ should be, is not a folder")
        case ENOENT, EACCES, EPERM, EROFS:
            return PlotError("the picture's folder ‘\(shown)’ cannot be written to")
        default: return PlotError("cannot write ‘\(path)’: \(error)")
        }
    }
}
