import ArgumentParser

/// Prints the reference page of settings, for the documentation.
struct SettingsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settings", abstract: "The reference of all settings, in Markdown.")

    func run() async throws { Output.text(SettingsReference.markdown) }
}
