import Glibc
import MillraceCore
import MillraceTesting
import Platform
import Testing

@testable import MillraceApp

extension EndToEnd {
    /// The same system on the real broker and the real database.
    @Suite struct RealFlowTests {
        @Test(arguments: [false, true]) func `orders go their way, and are metered`(kafka: Bool) async throws {
            try await RealSite.withPostgres(kafka: kafka) { site, environment, _ in
                let process = try await site.up(environment: environment)
                let image = try await site.upload(Array("any bytes\n".utf8))
                // Several runs may share a broker, and what they said of their orders is read again.
                let name = "order-\(UInt32.random(in: 0 ... .max))"
                let orders = try (0..<6).map {
                    try site.order("\(name)-\($0)", ["copy", "noop", "copy"], image: image)
                }
                for order in orders { try await site.submit(order) }
                for order in orders {
                    let view = try await site.end(of: order.id, within: .seconds(60))
                    #expect(view.state == .finished, "\(view.jsonText)")
                    #expect(view.steps[0].usage.cpu.map { $0 > .zero } == true, "\(view.jsonText)")
                }
                let usage = try await site.wholeUsage(of: orders[0].id, steps: [0, 2])
                let cpu = try #require(usage.steps[0].totals.cpu?.inSeconds)
                #expect(abs(usage.integral(.cpu, step: 0) - cpu) < 0.001)
                process.signal(SIGTERM)
                #expect(try await process.exit(within: .seconds(60)) == .exited(0))
                // It goes on where it was.
                let again = try await site.up(environment: environment)
                #expect(try await site.view(orders[0].id).state == .finished)
                let late = try site.order("\(name)-late", ["copy"], image: image)
                try await site.submit(late)
                #expect(try await site.end(of: late.id, within: .seconds(60)).state == .finished)
                #expect(try await site.allOrders().count == 7)
                again.signal(SIGTERM)
                #expect(try await again.exit(within: .seconds(60)) == .exited(0))
            }
        }

        @Test func `a database that is away is 503, and everything goes on when it is back`() async throws {
            try await RealSite.withPostgres(kafka: false) { site, environment, server in
                let process = try await site.up(environment: environment)
                let image = try await site.upload(Array("any bytes\n".utf8))
                let before = try site.order("before", ["copy", "copy"], image: image)
                try await site.submit(before)
                try await eventually("the step to run") { try await site.view(before.id).steps[0].state == .running }
                try server.stop()
                let during = try site.order("during", ["copy"], image: image)
                let answer = await site.http.ask("POST", "/v1/orders", body: during.encoded)
                #expect(answer?.status == 503, "\(String(describing: answer))")
                #expect(await site.http.get("/readyz")?.status == 503)
                try server.start()
                try await site.submit(during)
                for id in [before.id, during.id] {
                    #expect(try await site.end(of: id, within: .seconds(60)).state == .finished)
                }
                #expect(!process.hasEnded)
                process.signal(SIGTERM)
                #expect(try await process.exit(within: .seconds(60)) == .exited(0))
            }
        }

        @Test func `what cannot be reached is one clear line, and exit status 3`() async throws {
            try await RealSite.withPostgres(kafka: false) { site, _, server in
                let wrong: [(String, String, String)] = [
                    ("DATABASE_URL", server.url(password: "wr0ng-secret"), "password authentication failed"),
                    ("DATABASE_URL", server.url(database: "nobodys"), "nobodys"),
                    ("DATABASE_URL", "postgresql://127.0.0.1:1/x", "refused"), ("DATABASE_URL", "", "DATABASE_URL"),
                ]
                for (index, (variable, value, words)) in wrong.enumerated() {
                    let process = try await MillraceProcess.start(
                        ["run", "monitor-system", "--data", site.data, "--config", site.configuration],
                        log: "\(site.folder)/wrong-\(index).log", environment: [variable: value])
                    #expect(try await process.exit() == .exited(3), "\(words): \(process.said)")
                    #expect(process.said.contains(words), "\(process.said)")
                    #expect(!process.said.contains("wr0ng-secret"))
                    #expect(process.said.split(separator: "\n").count == 1, "\(process.said)")
                }
                let nowhere = try await MillraceProcess.start(
                    [
                        "run", "orchestrator", "--data", site.data, "--config", site.configuration, "--bus", "kafka",
                        "--kafka-bootstrap-servers", "127.0.0.1:1",
                    ], log: "\(site.folder)/nowhere.log")
                #expect(try await nowhere.exit(within: .seconds(60)) == .exited(3), "\(nowhere.said)")
                let unknown = try await MillraceProcess.start(
                    ["run", "orchestrator", "--data", site.data, "--config", site.configuration, "--bus", "kafka"],
                    log: "\(site.folder)/unknown.log", environment: ["MILLRACE_KAFKA_NO_SUCH_THING": "1"])
                #expect(try await unknown.exit() == .exited(3), "\(unknown.said)")
                #expect(unknown.said.contains("no.such.thing"), "\(unknown.said)")
            }
        }

        @Test func `a database whose certificate another authority has signed is one clear line, and exit status 3`()
            async throws
        {
            let server = try PostgresServer.withTLS()
            defer { server.remove() }
            try await Site.with(RealSite.configuration(broker: nil, max: 1)) { site in
                func url(_ certificate: String) -> String {
                    server.url(extra: "sslmode=verify-full&sslrootcert=\(server.folder)/\(certificate)")
                        .replacing("sslmode=disable&", with: "")
                }
                let wrong = try await site.start(
                    ["run", "monitor-system"], log: "wrong", environment: ["DATABASE_URL": url("other.pem")])
                #expect(try await wrong.exit() == .exited(3), "\(wrong.said)")
                #expect(wrong.said.contains("certificate verify failed"), "\(wrong.said)")
                #expect(wrong.said.split(separator: "\n").count == 1, "\(wrong.said)")
                #expect(!wrong.said.contains(PostgresServer.password))
                let doctor = try await site.start(
                    ["doctor", "--port", "0"], log: "doctor", environment: ["DATABASE_URL": url("own.pem")])
                _ = try await doctor.exit()
                #expect(doctor.said.contains("TLSv1."), "\(doctor.said)")
            }
        }
    }
}
