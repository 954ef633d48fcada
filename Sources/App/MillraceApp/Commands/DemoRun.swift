import MillraceCore

/// Submits the demo's orders, shows what happens until all replicas are gone, and sums it up.
struct DemoRun {
    let client: MillraceClient
    let folder: String
    let count: Int

    /// How often the picture is drawn anew on a terminal, and looked at otherwise.
    static let interval: Duration = .milliseconds(200)

    func run() async throws {
        let clock = ContinuousClock()
        let start = clock.now
        let file = try OrderFile.read([folder + "/orders.json"])
        let silent = ProgressLine(.json)
        try await Submission(client: client, files: file, progress: silent).run { _ in }
        Output.line("submitted \(count) orders in \(Wording.seconds(clock.now - start))")
        var shown: [String] = []
        var lastLine = ""
        var ended: Duration?
        var peaks: [String: Int] = [:]
        while true {
            let tasks = try await client.tasks().tasks
            let orders = try await client.orders(state: nil, limit: count)
            let finished = orders.count { $0.state == .finished }
            let failed = orders.count { $0.hasFailed }
            for task in tasks { peaks[task.task] = max(peaks[task.task] ?? 0, task.current ?? 0) }
            let elapsed = clock.now - start
            if finished + failed == count, ended == nil { ended = elapsed }
            if Output.isTerminal {
                shown = redraw(shown, lines: picture(tasks, finished, failed, elapsed))
            } else {
                let replicas = tasks.filter { ($0.current ?? 0) + $0.desired > 0 }
                    .map { "\($0.task) \(Wording.number($0.current))/\($0.desired)" }
                let line =
                    "finished \(finished)/\(count), failed \(failed); replicas: "
                    + (replicas.isEmpty ? "none" : replicas.joined(separator: ", "))
                if line != lastLine { Output.line("\(Wording.seconds(elapsed))  \(line)") }
                lastLine = line
            }
            if ended != nil, tasks.allSatisfy({ $0.current == 0 && $0.desired == 0 }) { break }
            guard elapsed < .seconds(300) else {
                throw Failure(.failed, "millrace: the demo did not end in 5 minutes; see \(folder)/data/logs")
            }
            try await Task.sleep(for: Self.interval)
        }
        try await summary(peaks, ended ?? .zero)
    }

    private func picture(_ tasks: [TaskView], _ finished: Int, _ failed: Int, _ elapsed: Duration) -> [String] {
        var lines = ["\(Wording.seconds(elapsed))  finished \(finished)/\(count), failed \(failed)"]
        for task in tasks {
            let replicas = String(repeating: "■", count: task.current ?? 0)
            let coming = String(repeating: "□", count: max(0, task.desired - (task.current ?? 0)))
            let name = task.task + String(repeating: " ", count: max(0, 10 - task.task.count))
            let bar = replicas + coming
            lines.append(
                "  \(name) \(bar)\(String(repeating: " ", count: max(0, 9 - bar.count)))"
                    + " running \(task.running), upcoming \(task.upcoming)")
        }
        return lines
    }

    /// Draws over what was drawn last.
    private func redraw(_ shown: [String], lines: [String]) -> [String] {
        let up = shown.isEmpty ? "" : "\u{1B}[\(shown.count)A"
        Output.text(up + lines.map { "\r\($0)\u{1B}[K\n" }.joined())
        return lines
    }

    private func summary(_ peaks: [String: Int], _ took: Duration) async throws {
        let orders = try await client.orders(state: nil, limit: count)
        let latencies = orders.compactMap { $0.took?.inSeconds }.sorted()
        Output.line("")
        Output.line(
            "\(count) orders ended after \(Wording.seconds(took)): from submission to end "
                + "p50 \(Wording.seconds(.seconds(fraction: Distribution.quantile(0.5, of: latencies)))), "
                + "p99 \(Wording.seconds(.seconds(fraction: Distribution.quantile(0.99, of: latencies)))); "
                + "all replicas are gone again")
        try await DemoUsage(client: client, folder: folder).show(orders, peaks)
        Output.line("images: \(folder)/data/outputs")
        let failures = orders.filter(\.hasFailed)
        for order in failures { Output.line("failed: \(order.id): \(order.reason ?? Wording.unknown)") }
        if !failures.isEmpty { throw Failure(.failed, "millrace: \(failures.count) of \(count) orders failed") }
    }
}
