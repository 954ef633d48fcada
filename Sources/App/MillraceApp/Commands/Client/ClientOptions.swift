import ArgumentParser
import MillraceCore

/// How a command prints what it found.
enum DataFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
    case text, json
}

struct DataOptions: ParsableArguments {
    @Option(
        name: [.customShort("o"), .customLong("output")],
        help: "text for people, json for programs: one document, or one per line where there are several")
    var format: DataFormat = .text
}

/// What every command takes that talks to a running Millrace.
struct ClientOptions: ParsableArguments {
    @Option(help: "where Millrace listens (or MILLRACE_URL; else \(ClientOptions.defaultURL))")
    var url: String?
    @OptionGroup var data: DataOptions

    static let defaultURL = "http://127.0.0.1:8420"

    var format: DataFormat { data.format }

    /// The flag over the variable over the default, without a slash at its end.
    func base(environment: [String: String] = OwnProcess.environment) throws(Failure) -> String {
        let variable = environment["MILLRACE_URL"].flatMap { $0.isEmpty ? nil : $0 }
        var text = url ?? variable ?? Self.defaultURL
        while text.hasSuffix("/") { text.removeLast() }
        guard let rest = Self.afterScheme(text), !rest.isEmpty, !rest.contains(where: { $0 == "?" || $0 == "#" }) else {
            let origin = url != nil ? "--url" : "MILLRACE_URL"
            throw Failure(.usage, "millrace: \(origin) must be a URL such as \(Self.defaultURL), not ‘\(text)’")
        }
        return text
    }

    private static func afterScheme(_ text: String) -> Substring? {
        for scheme in ["http://", "https://"] where text.hasPrefix(scheme) { return text.dropFirst(scheme.count) }
        return nil
    }
}

/// A duration as it is typed: `30s`, `10m`.
struct DurationArgument: ExpressibleByArgument {
    var duration: Duration

    init?(argument: String) {
        guard let duration = Duration(text: argument) else { return nil }
        self.duration = duration
    }
}

extension OrderID {
    /// An id that was typed; one that no order can have is wrong usage.
    init(argument: String) throws(Failure) {
        do throws(InvalidValue) { try self.init(argument) } catch {
            throw Failure(.usage, "millrace: ‘\(Wording.oneLine(argument))’ is no order's id: it \(error.problem)")
        }
    }
}
