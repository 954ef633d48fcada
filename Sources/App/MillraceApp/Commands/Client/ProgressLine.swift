import Synchronization

/// How far a command has come: one line that is written over on a terminal, plain lines elsewhere, nothing beside JSON.
final class ProgressLine: Sendable {
    private enum Mode { case terminal, plain, silent }

    private let mode: Mode
    private let shown = Mutex(false)

    init(_ format: DataFormat, isTerminal: Bool = Output.isTerminal) {
        mode = format == .json ? .silent : isTerminal ? .terminal : .plain
    }

    /// What holds for now.
    func update(_ text: String) {
        guard mode == .terminal else { return }
        shown.withLock { $0 = true }
        // Back to the start, the text, and away with what the text before had more.
        Output.text("\r\(text)\u{1B}[K")
    }

    /// What stays.
    func line(_ text: String) {
        guard mode != .silent else { return }
        clear()
        Output.line(text)
    }

    /// What stays where nothing is written over.
    func milestone(_ text: String) {
        if mode == .plain { Output.line(text) } else { update(text) }
    }

    /// For people only, whatever reads the output.
    func note(_ text: String) {
        clear()
        Output.complain(text)
    }

    func clear() {
        let wasShown = shown.withLock { shown in
            defer { shown = false }
            return shown
        }
        if wasShown { Output.text("\r\u{1B}[K") }
    }
}
