import MillraceCore
import Testing

@testable import MillraceApp

struct DoctorTests {
    @Test func `every setting is told with its value and where it is from`() throws {
        let settings = try Settings(
            sources: SettingSources(flags: ["port": "1"], environment: [:], file: ["lease": "5s"]), tasks: [:])
        let rows = SettingRow.all(of: settings)
        #expect(rows.map(\.key) == Setting.all.map(\.key))
        #expect(rows.first { $0.key == "port" }?.source == "flag")
        #expect(rows.first { $0.key == "lease" }?.value == "5s")
        let secrets = Set(Setting.all.filter(\.isSecret).map(\.key))
        #expect(rows.allSatisfy { !secrets.contains($0.key) || $0.value == nil || $0.value == "" })
    }

    @Test func `a secret is hidden`() {
        let row = SettingRow(key: "password", variable: "MILLRACE_PASSWORD", value: nil, source: "variable")
        #expect(SettingRow.table([row], file: nil).lines.last == "password  (hidden)  MILLRACE_PASSWORD")
    }

    @Test func `a check says what to do where something is to be done`() {
        #expect(DoctorCheck.ok("bus", "opens").lines == ["ok    bus: opens"])
        #expect(
            DoctorCheck.fail("bus", "is gone", "look for it").lines == ["fail  bus: is gone", "      → look for it"])
    }

    @Test func `a program is found in PATH, and only if it may be executed`() {
        #expect(DoctorCheck.executable("sh", search: "/nowhere:/bin") == "/bin/sh")
        #expect(DoctorCheck.executable("sh", search: "/nowhere") == nil)
        #expect(DoctorCheck.executable("/bin/sh", search: "") == "/bin/sh")
        #expect(DoctorCheck.executable("/etc/passwd", search: "/bin") == nil)
    }

    @Test func `a folder that is not there is judged by the nearest one that is`() {
        #expect(DoctorCheck.nearestFolder("/none/such/folder") == "/")
        #expect(DoctorCheck.nearestFolder("none-such") == ".")
        #expect(DoctorCheck.nearestFolder("/tmp/") == "/tmp")
    }
}
