import ArgumentParser
import MillraceCore
import Testing

@testable import MillraceApp

struct SettingsTests {
    /// `imageRoot` is `--image-root`.
    private static func flag(_ key: String) -> String {
        key.reduce(into: "--") { flag, character in
            if character.isUppercase { flag.append("-") }
            flag.append(character.lowercased())
        }
    }

    @Test(arguments: Setting.all.map(\.key))
    func `every setting is a flag`(key: String) throws {
        let flags = try SettingFlags.parse([Self.flag(key), "value"])
        #expect(flags.given == [key: "value"])
    }

    @Test(arguments: Setting.all)
    func `every setting has a variable, and doctor tells where a value is from`(setting: Setting) {
        let sources = SettingSources(
            flags: [:], environment: [setting.variable: "from the variable"], file: [setting.key: "from the file"])
        let (value, source) = sources.origin(setting.key)
        #expect(value == "from the variable")
        #expect(source == .variable)
        #expect(Settings.knownVariables.contains(setting.variable))
    }

    @Test func `a flag counts over the variable, the variable over the file, the file over the default`() {
        func origin(_ flags: [String: String], _ environment: [String: String], _ file: [String: String]) -> String {
            SettingSources(flags: flags, environment: environment, file: file).origin("port").source.rawValue
        }
        let (flag, variable, file) = (["port": "1"], ["MILLRACE_PORT": "2"], ["port": "3"])
        #expect(origin(flag, variable, file) == "flag")
        #expect(origin([:], variable, file) == "variable")
        #expect(origin([:], [:], file) == "file")
        #expect(origin([:], [:], [:]) == "default")
    }

    @Test(arguments: [
        ("30s", Duration.seconds(30)), ("10m", .seconds(600)), ("1h", .seconds(3600)), ("2d", .seconds(172_800)),
        ("250ms", .milliseconds(250)), ("1.5s", .milliseconds(1500)), ("7", .seconds(7)), ("0", .zero),
    ])
    func `durations are read with their unit`(text: String, duration: Duration) {
        #expect(Duration(text: text) == duration)
        #expect(DurationArgument(argument: text)?.duration == duration)
    }

    @Test(arguments: ["", "s", "soon", "-1s", "1y", "inf", "nan", "1e300s"])
    func `what is no duration is refused`(text: String) {
        #expect(Duration(text: text) == nil)
        #expect(DurationArgument(argument: text) == nil)
    }

    @Test(arguments: [
        ("colour: blue", "colour"),
        ("port: [1]", "port"),
        ("tasks: 7", "tasks"),
        ("tasks: { Resize: { builtin: resize } }", "tasks.Resize"),
        ("tasks: { system: { builtin: resize } }", "tasks.system"),
        ("tasks: { a: { builtin: nothing } }", "tasks.a.builtin"),
        ("tasks: { a: { builtin: resize, command: [ls] } }", "tasks.a"),
        ("tasks: { a: { timeout: 5s } }", "tasks.a"),
        ("tasks: { a: { command: [] } }", "tasks.a.command"),
        ("tasks: { a: { command: ls } }", "tasks.a.command"),
        ("tasks: { a: { builtin: blur, timeout: soon } }", "tasks.a.timeout"),
        ("tasks: { a: { builtin: blur, retries: -1 } }", "tasks.a.retries"),
        ("tasks: { a: { builtin: blur, speed: 3 } }", "tasks.a.speed"),
        ("tasks: { a: { builtin: blur, parameters: { sigma: 1000 } } }", "tasks.a.parameters.sigma"),
        ("tasks: { a: { builtin: blur, scaling: { policy: none } } }", "tasks.a.scaling.policy"),
        ("scaling: { idleTimeout: soon }", "scaling.idleTimeout"),
        ("scaling: { ordersPerReplica: many }", "scaling.ordersPerReplica"),
        ("scaling: { most: 3 }", "scaling.most"),
    ])
    func `an error of the configuration file names the field`(yaml: String, field: String) {
        let error = #expect(throws: InvalidValue.self) { try ConfigFile(yaml: yaml) }
        #expect(error?.field == field, "\(error?.description ?? "")")
    }

    @Test func `the URL is that of the flag, the variable, or the default, without a slash at the end`() throws {
        let environment = ["MILLRACE_URL": "http://there:1/"]
        #expect(try ClientOptions.parse([]).base(environment: [:]) == ClientOptions.defaultURL)
        #expect(try ClientOptions.parse([]).base(environment: environment) == "http://there:1")
        #expect(try ClientOptions.parse(["--url", "https://here"]).base(environment: environment) == "https://here")
    }

    @Test(arguments: ["here:1", "ftp://here", "http://", "", "http://here?x"])
    func `what is no URL is wrong usage`(text: String) throws {
        let options = try ClientOptions.parse(["--url", text])
        let failure = #expect(throws: Failure.self) { try options.base(environment: [:]) }
        #expect(failure?.code == .usage)
    }
}
