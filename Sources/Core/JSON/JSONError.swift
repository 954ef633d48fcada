/// What is wrong with a JSON text, and where.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The field, as in `tasks[1].parameters.width`; empty for the text as a whole.
    public var path: String
    /// What is wrong with it, as the end of a sentence: `must be a number`.
    public var problem: String

    public init(path: String = "", _ problem: String) {
        self.path = path
        self.problem = problem
    }

    public var description: String {
        path.isEmpty ? problem : "\(path): \(problem)"
    }

    /// The same error, seen from one level further out.
    func under(_ key: String) -> JSONError {
        guard !path.isEmpty else { return JSONError(path: key, problem) }
        return JSONError(path: path.hasPrefix("[") ? key + path : "\(key).\(path)", problem)
    }
}
