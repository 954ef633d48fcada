import CLinux
import Glibc

/// Two ends of a pipe, both close-on-exec; whoever makes it closes them.
struct Pipe {
    let readEnd: CInt
    let writeEnd: CInt

    init() throws(SystemError) {
        var ends: [CInt] = [-1, -1]
        guard millrace_pipe(&ends) == 0 else { throw .last("making a pipe") }
        (readEnd, writeEnd) = (ends[0], ends[1])
    }
}

/// A descriptor handed to this process under a number that a variable of its environment tells.
enum InheritedDescriptor {
    /// The number, if there is one and it is open; from now on no program that this process starts inherits it.
    static func take(_ variable: String) -> CInt? {
        guard let text = getenv(variable), let file = CInt(String(cString: text)), file > 2,
            millrace_close_on_exec(file) == 0
        else { return nil }
        return file
    }
}
