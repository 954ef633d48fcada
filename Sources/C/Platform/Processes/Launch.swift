import Glibc

/// A program to be started, and what it is given. It inherits no descriptor but those named here, and no blocked or
/// ignored signal.
public struct Launch: Sendable {
    public enum Input: Sendable {
        /// It ends at once.
        case empty
        /// This process's own standard input.
        case inherited
    }

    public enum Output: Sendable {
        case discarded
        /// This process's own standard output.
        case inherited
        /// Goes where its standard error goes.
        case withErrors
    }

    public enum Errors: Sendable {
        /// This process's own standard error.
        case inherited
        /// Read here, all of it, as fast as it comes; only the end is kept: see `ChildExit.errorTail`.
        case captured
        /// Appended to a file, which is made if it is not there. It does not break when this process ends.
        case appended(to: String)
    }

    /// The program and its arguments. A program without a slash is looked up in the `PATH` of `environment`; a relative
    /// one is relative to `workingDirectory`.
    public var command: [String]
    public var environment: [String: String]
    /// This process's own if nil.
    public var workingDirectory: String?
    public var input: Input = .empty
    public var output: Output = .discarded
    public var errors: Errors = .inherited
    /// Passed on as `Lifeline.variable`: a program that watches it ends in its own way after this process has ended.
    public var lifeline: Lifeline?
    /// Whether it is given a pipe to tell that it is ready: `Readiness.variable`.
    public var announcesReadiness = false
    /// Whether its group is killed at once when this process ends, however suddenly: for programs that watch no
    /// lifeline. One without a group of its own is not guarded.
    public var isGuarded = false
    /// Whether it is the leader of a process group of its own, of which nothing outlives it, and to which signals go.
    /// Otherwise it stays in this process's group, as a command in the foreground of a terminal, which gets Ctrl-C from
    /// there and may read from it; signals go to it alone, and what it leaves behind goes on.
    public var hasOwnGroup = true
    /// Whether `ChildExit.peakRAM` is to be exact: see there. Such a start takes some 0.2 ms longer.
    public var isMetered = false

    public init(command: [String], environment: [String: String], workingDirectory: String? = nil) {
        self.command = command
        self.environment = environment
        self.workingDirectory = workingDirectory
    }

    /// This process's environment.
    public static var ownEnvironment: [String: String] {
        var result: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let pair = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if pair.count == 2 { result[String(pair[0])] = String(pair[1]) }
            entry += 1
        }
        return result
    }

    var hasGuardian: Bool { isGuarded && hasOwnGroup }

    /// Whom `kill` takes for the child with this id: the group, or the process.
    func recipient(_ pid: pid_t) -> pid_t { hasOwnGroup ? -pid : pid }

    /// The program's file.
    func path() throws(SystemError) -> String {
        guard let program = command.first, !program.isEmpty else {
            throw SystemError(ENOENT, "starting a command without a name")
        }
        if program.utf8.contains(UInt8(ascii: "/")) { return program }
        var problem = ENOENT
        for folder in (environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":") {
            let path = "\(folder)/\(program)"
            // From the working directory's point of view, as the program would be started there.
            let seen = path.hasPrefix("/") ? path : (workingDirectory ?? ".") + "/" + path
            if access(seen, X_OK) == 0 { return path }
            if errno == EACCES { problem = EACCES }
        }
        throw SystemError(problem, "starting ‘\(program)’")
    }
}
