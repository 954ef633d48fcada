/// The reference page of settings, as it is in `Documentation/Settings.md`: a test compares the two.
enum SettingsReference {
    static var markdown: String {
        var lines = [
            "# Settings", "",
            "Each is a flag, a variable, or a line of `millrace.yaml`; flag over variable over file over default.",
            "`millrace doctor` prints each with its value and where it came from. This page is made from the code.", "",
            "| in `millrace.yaml` | variable | flag | default | what |", "| --- | --- | --- | --- | --- |",
        ]
        for setting in Setting.all {
            let fallback = setting.fallback.isEmpty ? "–" : "`\(setting.fallback)`"
            lines.append(
                "| `\(setting.key)` | `\(setting.variable)` | `\(setting.flag)` | \(fallback) | \(setting.meaning) |")
        }
        lines += [
            "",
            "`--config FILE` or `MILLRACE_CONFIG` names the file; else `millrace.yaml` in the current folder, if there is one.",
            "`MILLRACE_URL` or `--url` is where commands find a running Millrace (`http://127.0.0.1:8420`).", "",
            "## Tasks and scaling", "",
            "```yaml", "tasks:",
            "  resize: { builtin: resize, parameters: { width: 800 } }   # an order's own parameters come over these",
            "  edges:",
            "    command: [\"python3\", \"edges.py\"]      # an executable and its arguments",
            "    timeout: 60s                            # of one attempt; 10m by default",
            "    retries: 3                              # further attempts after a temporary failure, in place",
            "    scaling: { max: 2 }                     # over what stands under scaling",
            "scaling: { policy: threshold, ordersPerReplica: 4, min: 0, max: 8, idleTimeout: 30s, maxPartitions: 64 }",
            "```", "",
            "Without `tasks` the built-in ones are there: \(BuiltinTasks.names.map { "`\($0)`" }.joined(separator: ", ")).",
            "Durations: `250ms`, `30s`, `10m`, `1h`, `2d`, or seconds.", "",
        ]
        return lines.joined(separator: "\n")
    }
}

extension Setting {
    /// `imageRoot` is `--image-root`.
    var flag: String {
        key.reduce(into: "--") { flag, character in
            if character.isUppercase { flag.append("-") }
            flag.append(character.lowercased())
        }
    }
}
