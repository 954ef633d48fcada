import Foundation
import Testing

@testable import MillraceApp

@Suite struct SettingsReferenceTests {
    @Test("the page of settings is what the code says (to renew it: millrace settings > Documentation/Settings.md)")
    func page() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appendingPathComponent("Documentation/Settings.md"), encoding: .utf8)
        #expect(page == SettingsReference.markdown)
    }
}
