import CLinux
import Glibc

/// The descriptors and variables of one start.
struct Plan {
    private let launch: Launch
    private let path: String
    private var environment: [String: String]
    /// Which become the child's 0, 1, 2, 3 …
    private var descriptors: [CInt] = []
    /// Those of them that were opened for the child only.
    private var theirs: [CInt] = []
    /// The ends of pipes that stay here, or -1. They do not block.
    private(set) var errors: CInt = -1
    private(set) var readiness: CInt = -1

    init(_ launch: Launch) throws(SystemError) {
        self.launch = launch
        path = try launch.path()
        environment = launch.environment
        do {
            try open()
        } catch {
            closeTheirs()
            closeOurs()
            throw error
        }
    }

    private mutating func open() throws(SystemError) {
        let null = try Files.open("/dev/null", O_RDWR)
        theirs.append(null)
        let standardError: CInt
        switch launch.errors {
        case .inherited: standardError = STDERR_FILENO
        case .appended(let file):
            standardError = try Files.open(file, O_WRONLY | O_CREAT | O_APPEND)
            theirs.append(standardError)
        case .captured: (errors, standardError) = try pipe()
        }
        let input =
            switch launch.input {
            case .empty: null
            case .inherited: STDIN_FILENO
            }
        let output =
            switch launch.output {
            case .discarded: null
            case .inherited: STDOUT_FILENO
            case .withErrors: standardError
            }
        descriptors = [input, output, standardError]
        if let lifeline = launch.lifeline { pass(lifeline.readEnd, as: Lifeline.variable) }
        if launch.announcesReadiness {
            let writeEnd: CInt
            (readiness, writeEnd) = try pipe()
            pass(writeEnd, as: Readiness.variable)
        }
    }

    private mutating func pass(_ file: CInt, as variable: String) {
        environment[variable] = "\(descriptors.count)"
        descriptors.append(file)
    }

    private mutating func pipe() throws(SystemError) -> (ours: CInt, theirs: CInt) {
        let pipe = try Pipe()
        theirs.append(pipe.writeEnd)
        _ = millrace_set_nonblocking(pipe.readEnd)
        return (pipe.readEnd, pipe.writeEnd)
    }

    func start() throws(SpawnFailure) -> Started {
        guard launch.hasGuardian else {
            do { return try start(guardian: -1) } catch {
                if error.zombie > 0 { _ = try? OwnChildren.reap(error.zombie) }
                throw error
            }
        }
        return try Guardian.shared.spawn { (socket) throws(SpawnFailure) in try start(guardian: socket) }
    }

    private func start(guardian: CInt) throws(SpawnFailure) -> Started {
        try Spawn.start(
            path, launch.command, environment: environment, folder: launch.workingDirectory, descriptors: descriptors,
            guardian: guardian, hasOwnGroup: launch.hasOwnGroup, isMetered: launch.isMetered)
    }

    func closeTheirs() {
        for file in theirs { close(file) }
    }

    func closeOurs() {
        if errors >= 0 { close(errors) }
        if readiness >= 0 { close(readiness) }
    }
}
