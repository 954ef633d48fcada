import MillraceCore

/// What doctor found out about one thing.
struct DoctorCheck: Hashable, Sendable {
    enum Status: String, Sendable { case ok, warn, fail }

    var name: String
    var status: Status
    var detail: String
    /// What to do about it; nil where nothing is to be done.
    var remedy: String?
    /// Whether it failed since something is out of reach, and not since it is wrong.
    var isUnreachable = false

    /// All checks, in the order in which they are told.
    static let all: [@Sendable (Settings) async -> [DoctorCheck]] = [
        versions, dataFolder, diskSpace, syncTime, bus, store, imageLibrary, commands, port,
    ]

    static func ok(_ name: String, _ detail: String) -> DoctorCheck {
        DoctorCheck(name: name, status: .ok, detail: detail)
    }

    static func warn(_ name: String, _ detail: String, _ remedy: String) -> DoctorCheck {
        DoctorCheck(name: name, status: .warn, detail: detail, remedy: remedy)
    }

    static func fail(_ name: String, _ detail: String, _ remedy: String, isUnreachable: Bool = false) -> DoctorCheck {
        DoctorCheck(name: name, status: .fail, detail: detail, remedy: remedy, isUnreachable: isUnreachable)
    }

    var lines: [String] {
        let padding = String(repeating: " ", count: 6 - status.rawValue.count)
        let line = "\(status.rawValue)\(padding)\(name): \(Wording.oneLine(detail))"
        return [line] + (remedy.map { ["      → \($0)"] } ?? [])
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("name", name)
        writer.field("status", status.rawValue)
        writer.field("detail", detail)
        writer.field("remedy", orNull: remedy.map { .string($0) })
        writer.endObject()
    }
}
