import HTTPTypes
import Hummingbird
import MillraceCore
import MillracePorts

// `GET /readyz` and `GET /metrics`.
extension ProxyResponder {
    static func isVerbose(_ request: Request) throws -> Bool {
        var isVerbose = false
        for (key, value) in request.uri.queryParameters {
            guard key == "verbose" else {
                throw Problem(.badRequest, "\(key): is no parameter of this; that is verbose", field: String(key))
            }
            isVerbose = value != "false"
        }
        return isVerbose
    }

    /// Whether orders would be taken now.
    func readiness(isVerbose: Bool) async -> Response {
        let checks = [
            ("store", await storeFailure()), ("bus", await busFailure()), ("publishing", publishingFailure()),
        ]
        let isReady = checks.allSatisfy { $0.1 == nil }
        var text = ""
        for (name, failure) in checks where isVerbose || failure != nil {
            text += failure.map { "[-]\(name) failed: \($0)\n" } ?? "[+]\(name) ok\n"
        }
        if !isVerbose, isReady { text = "ok\n" }
        return .text(text, status: isReady ? .ok : .serviceUnavailable)
    }

    private func storeFailure() async -> String? {
        do throws(StoreError) {
            _ = try await store.orders(state: nil, limit: 1, after: nil)
            return nil
        } catch {
            return "\(error)"
        }
    }

    private func busFailure() async -> String? {
        do throws(BusError) {
            _ = try await bus.describe(topic: Topic.orchestrator)
            return nil
        } catch {
            return "\(error)"
        }
    }

    private func publishingFailure() -> String? {
        let status = pump.status
        return status.isBusAway ? "the bus did not take the last order; \(status.queued) more wait" : nil
    }

    func metrics() async -> Response {
        var page = MetricsPage()
        counters.write(to: &page)
        let status = pump.status
        page.add("millrace_orders_published_total", .counter, "Orders whose START the bus has taken.", status.published)
        page.add("millrace_publish_failures_total", .counter, "Attempts to publish that failed.", status.failures)
        page.add("millrace_publish_queue_orders", .gauge, "Orders that wait to be published.", status.queued)
        page.add(
            "millrace_publish_behind", .gauge, "1 while more orders may wait in the store.", status.isBehind ? 1 : 0)
        page.add("millrace_bus_up", .gauge, "0 after an attempt to publish that failed.", status.isBusAway ? 0 : 1)
        // What cannot be read is left out: not knowing is not zero.
        let tasks = try? await taskDocuments()
        page.add("millrace_store_up", .gauge, "Whether the store could be read.", tasks == nil ? 0 : 1)
        if let tasks { page.add(tasks) }
        return .text(page.text, type: "text/plain; version=0.0.4; charset=utf-8")
    }
}
