import Platform
import Testing

@Suite struct ErrorTextTests {
    @Test(
        "a reason is what can be read",
        arguments: [
            ("", ""), ("\n \n", ""), ("bad\n", "bad"), ("a\nb\n\n", "a\nb"), ("10%\r20%\r\nend", "10%\n20%\nend"),
            ("\u{1B}[31mred\u{0}", "[31mred"),
        ])
    func text(_ bytes: String, _ text: String) {
        #expect(ErrorText.end(of: Array(bytes.utf8)) == text)
    }

    @Test func `what is too long is cut at a line's start`() {
        let lines = (0..<1000).map { "line \($0)" }.joined(separator: "\n")
        let end = ErrorText.end(of: Array(lines.utf8))
        #expect(end.utf8.count <= ErrorText.limit)
        #expect(end.hasPrefix("line ") && end.hasSuffix("\nline 999"))
    }

    @Test func `a single long line is cut at a character`() {
        let end = ErrorText.end(of: Array(String(repeating: "ä", count: 3000).utf8) + [0x61])
        #expect(end.utf8.count == ErrorText.limit - 1)
        #expect(end.allSatisfy { $0 == "ä" || $0 == "a" })
    }

    @Test func `bytes that are no UTF-8 stay within the limit when they are replaced`() {
        let end = ErrorText.end(of: [UInt8](repeating: 0xC3, count: 5000))
        #expect(end.utf8.count <= ErrorText.limit && !end.isEmpty)
    }

    @Test func `the last line is the last that says something`() {
        #expect(ErrorText.lastLine(of: Array("one\ntwo\n  \n".utf8)) == "two")
        #expect(ErrorText.lastLine(of: Array("\n".utf8)) == nil)
    }
}
