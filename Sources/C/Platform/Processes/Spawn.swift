import CLinux
import Glibc

/// Why a program could not be started.
struct SpawnFailure: Error {
    var cause: SystemError
    var stage: millrace_spawn_stage
    /// The child that has failed, to be reaped, or 0.
    var zombie: pid_t = 0

    init(_ cause: SystemError, stage: millrace_spawn_stage, zombie: pid_t = 0) {
        self.cause = cause
        self.stage = stage
        self.zombie = zombie
    }
}

/// A child that runs its program.
struct Started {
    var pid: pid_t
    /// Whether the kernel's peak of it is its own.
    var hasExactPeak: Bool
}

enum Spawn {
    /// Starts a program; blocks the thread until it runs, about a millisecond. It is one of `OwnChildren` until it is
    /// reaped there.
    static func start(
        _ path: String, _ arguments: [String], environment: [String: String], folder: String?, descriptors: [CInt],
        guardian: CInt, hasOwnGroup: Bool = true, isMetered: Bool = false
    ) throws(SpawnFailure) -> Started {
        let arguments = CStrings(arguments)
        let variables = CStrings(environment.map { "\($0.key)=\($0.value)" })
        defer {
            arguments.free()
            variables.free()
        }
        var child = millrace_spawned()
        let error = path.withCString { path in
            withOptionalCString(folder) { folder in
                descriptors.withUnsafeBufferPointer { descriptors in
                    var request = millrace_spawn_request(
                        path: path, arguments: arguments.pointers, environment: variables.pointers, folder: folder,
                        descriptors: descriptors.baseAddress, descriptor_count: CInt(descriptors.count),
                        guardian: guardian, descriptor_limit: Descriptors.limitOfChildren, has_own_group: hasOwnGroup,
                        is_metered: isMetered)
                    return OwnChildren.start(&request, &child)
                }
            }
        }
        guard error == 0 else {
            let doing =
                switch child.stage {
                case MILLRACE_SPAWN_FOLDER: "entering the folder \(folder ?? ".") to start ‘\(path)’"
                case MILLRACE_SPAWN_GUARDIAN: "telling the guardian of ‘\(path)’"
                default: "starting ‘\(path)’"
                }
            throw SpawnFailure(SystemError(error, doing), stage: child.stage, zombie: child.pid)
        }
        return Started(pid: child.pid, hasExactPeak: child.has_exact_peak)
    }

    private static func withOptionalCString<Result>(
        _ text: String?, _ body: (UnsafePointer<CChar>?) -> Result
    ) -> Result {
        if let text { text.withCString { body($0) } } else { body(nil) }
    }
}

/// An array of C strings with a nil at its end; whoever makes it frees it.
private struct CStrings {
    let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    init(_ strings: [String]) {
        count = strings.count
        pointers = .allocate(capacity: count + 1)
        for (index, string) in strings.enumerated() { (pointers + index).initialize(to: strdup(string)) }
        (pointers + count).initialize(to: nil)
    }

    func free() {
        for index in 0..<count { Glibc.free(pointers[index]) }
        pointers.deallocate()
    }
}
