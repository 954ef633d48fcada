import ArgumentParser
import MillraceCore

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Checks settings and all that Millrace would use, and says how to mend what is wrong.",
        discussion: """
            Prints each setting with where its value comes from: a flag, a variable, the file, or the default; secrets \
            are hidden. Then each check: ok, warn or fail. Nothing is made or changed, but for a file in the data folder \
            that is removed again, and two empty records in a topic of its own on Kafka.

            Exit status: 0 nothing failed; 1 a check failed; 2 a setting is wrong; 3 something that Millrace needs \
            cannot be reached.
            """)
    @OptionGroup var data: DataOptions
    @OptionGroup var flags: SettingFlags

    func run() async throws {
        let settings = try flags.settings()
        let format = data.format
        let rows = SettingRow.all(of: settings)
        if format == .text {
            SettingRow.table(rows, file: settings.configFile).show()
            Output.line("")
        }
        var checks: [DoctorCheck] = []
        for check in DoctorCheck.all {
            let result = await check(settings)
            checks += result
            if format == .text { for line in result.flatMap(\.lines) { Output.line(line) } }
        }
        if format == .json { Output.line(Self.json(rows, settings.configFile, checks)) }
        let failed = checks.filter { $0.status == .fail }
        guard failed.isEmpty else {
            let code: Failure.Code = failed.contains(where: \.isUnreachable) ? .unreachable : .failed
            throw Failure(
                code,
                "millrace: \(failed.count) of \(checks.count) checks failed: \(failed.map(\.name).joined(separator: ", "))"
            )
        }
    }

    private static func json(_ rows: [SettingRow], _ file: String?, _ checks: [DoctorCheck]) -> String {
        var writer = JSONWriter(capacity: 4096)
        writer.beginObject()
        writer.field("configFile", orNull: file.map { .string($0) })
        writer.key("settings")
        writer.beginArray()
        for row in rows { row.write(to: &writer) }
        writer.endArray()
        writer.key("checks")
        writer.beginArray()
        for check in checks { check.write(to: &writer) }
        writer.endArray()
        writer.endObject()
        return writer.text
    }
}

/// A setting as doctor prints it.
struct SettingRow: Hashable {
    var key: String
    var variable: String
    /// nil for a secret.
    var value: String?
    var source: String

    static func all(of settings: Settings) -> [SettingRow] {
        Setting.all.map { setting in
            let (value, source) = settings.sources.origin(setting.key)
            // Whether a secret is set at all is told; what it is, never.
            return SettingRow(
                key: setting.key, variable: setting.variable, value: setting.isSecret && !value.isEmpty ? nil : value,
                source: source.rawValue)
        }
    }

    static func table(_ rows: [SettingRow], file: String?) -> Table {
        var table = Table([("setting", .left), ("value", .left), ("from", .left)])
        for row in rows {
            let source =
                switch row.source {
                case "variable": row.variable
                case "file": file ?? row.source
                default: row.source
                }
            table.add([row.key, row.value.map { $0.isEmpty ? Wording.unknown : $0 } ?? "(hidden)", source])
        }
        return table
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("key", key)
        writer.field("variable", variable)
        writer.field("value", orNull: value.map { .string($0) })
        writer.field("source", source)
        writer.endObject()
    }
}
