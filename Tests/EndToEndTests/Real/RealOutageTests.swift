import Glibc
import MillraceCore
import MillraceTesting
import Platform
import Testing

@testable import MillraceApp

extension EndToEnd {
    /// A broker that goes and comes back with what it had.
    @Suite struct RealOutageTests {
        @Test func `a broker that is away is 503, and orders are taken again when it is back`()
            async throws
        {
            try await withTemporaryFolder { folder in
                let noida = try await Noida(folder: folder)
                let text = RealSite.configuration(broker: noida.servers, max: 1)
                    .replacing("store: postgres", with: "store: sqlite")
                try await Site.with(text) { site in
                    let process = try await site.up()
                    let image = try await site.upload(Array("any bytes\n".utf8))
                    let before = try site.order("before", ["copy", "noop"], image: image)
                    try await site.submit(before)
                    #expect(try await site.end(of: before.id, within: .seconds(60)).state == .finished)
                    noida.stop()
                    try await eventually("the outage to be noticed", within: .seconds(30)) {
                        await site.http.get("/readyz")?.status == 503
                    }
                    let during = try (0..<4).map { try site.order("during-\($0)", ["copy", "noop"], image: image) }
                    for order in during {
                        let answer = await site.http.ask("POST", "/v1/orders", body: order.encoded)
                        #expect(answer.map { [202, 503].contains($0.status) } == true, "\(String(describing: answer))")
                    }
                    let again = try await Noida(folder: folder, port: noida.port)
                    defer { again.stop() }
                    // That they end too is for a real broker: after its restart this one's groups, of a replica and a
                    // placeholder each, do not always settle.
                    try await eventually("the bus to be there again", within: .seconds(60)) {
                        await site.http.get("/readyz")?.status == 200
                    }
                    for order in during { try await site.submit(order) }
                    #expect(!process.hasEnded)
                    process.signal(SIGTERM)
                    #expect(try await process.exit(within: .seconds(60)) == .exited(0))
                }
            }
        }
    }
}
