import MillraceCore
import MillracePorts
import MillraceTesting
import Platform
import SQLiteStore

@testable import MillraceApp

/// Compares what came out with what was submitted: over HTTP, in the store, and on the disk.
struct Account {
    let site: Site
    let load: Load

    func check() async throws {
        let ids = load.orders.map(\.id).sorted()
        let views: [OrderView] = try await eventually("the end of all orders", within: .seconds(40)) {
            let views = try await site.allOrders()
            let areDone = views.count == ids.count && views.allSatisfy { $0.steps.allSatisfy(\.state.hasEnded) }
            return areDone && views.allSatisfy(\.state.hasEnded) ? views : nil
        }
        try expectEqual(views.map(\.id).sorted(), ids, "the orders that there are")
        let expectation = Expectation()
        try await site.withStore { store in
            for order in load.orders {
                guard let record = try await store.order(order.id) else { throw Broken("\(order.id) is not stored") }
                guard let view = views.first(where: { $0.id == order.id }) else { throw Broken("no \(order.id)") }
                try check(record, view, against: order)
                try await checkFiles(of: record, expectation)
            }
        }
        try await eventually("everything to be committed") { try await site.lag(tasks: Load.tasks) == 0 }
        let letters = try await site.deadLetters()
        try expect(letters.isEmpty, "dead letters: \(letters)")
    }

    /// After all has stopped.
    func checkRemains() async throws {
        let runs = try Files.names(in: site.data + "/runs")
        try expect(runs.isEmpty, "runs that were left: \(runs)")
    }

    private func check(_ record: OrderRecord, _ view: OrderView, against order: Order) throws {
        let progress = record.progress
        try expectEqual(record.order, order, "what is stored of \(order.id)")
        try expect(progress.state == .finished, "\(order.id) is \(progress.state): \(progress.reason ?? "")")
        try expectEqual(view.state, progress.state, "\(order.id) over HTTP")
        try expectEqual(view.steps.map(\.task), order.tasks.map(\.name.text), "the tasks of \(order.id)")
        var last: Timestamp?
        for (index, step) in progress.steps.enumerated() {
            try expect(step.state == .finished, "\(order.id)/\(index) is \(step.state)")
            try expectEqual(view.steps[index].state, step.state, "\(order.id)/\(index) over HTTP")
            try expectEqual(view.steps[index].startedAt, step.startedAt, "\(order.id)/\(index) over HTTP")
            try expectEqual(view.steps[index].finishedAt, step.finishedAt, "\(order.id)/\(index) over HTTP")
            guard let start = step.startedAt, let end = step.finishedAt else {
                throw Broken("\(order.id)/\(index) has no times")
            }
            try expect(start <= end, "\(order.id)/\(index) ended before it started")
            if let last { try expect(last <= start, "\(order.id)/\(index) started before the step ahead had ended") }
            last = end
        }
    }

    /// Each step has exactly the one result that the store knows, with the right bytes.
    private func checkFiles(of record: OrderRecord, _ expectation: Expectation) async throws {
        let order = record.order
        let folder = "\(site.data)/outputs/\(order.id)"
        let kept = order.tasks.indices.filter { Load.leavesOutput(order.tasks[$0].name) }
        try expectEqual(try Files.names(in: folder).sorted(), kept.map(String.init), "the outputs of \(order.id)")
        var input = order.image
        var bytes = try load.image(order)
        for (index, call) in order.tasks.enumerated() {
            let step = record.progress.steps[index]
            guard let output = step.output else { throw Broken("\(order.id)/\(index) has no output") }
            guard kept.contains(index) else {
                try expectEqual(output, input, "the output of \(order.id)/\(index)")
                continue
            }
            guard case .output(let key, let file) = output else { throw Broken("\(order.id)/\(index): \(output)") }
            try expectEqual(key, StepKey(order: order.id, index: index), "whose output it is")
            let place = "\(folder)/\(index)"
            try expectEqual(try Files.names(in: place).sorted(), [file, "result.json"].sorted(), place)
            let report = try RunReport(parsing: readFile(place + "/result.json"))
            try expectEqual(report.outcome, .finished(output: output), place)
            try expectEqual(report.run, step.run, "the run of \(order.id)/\(index), on disk and in the store")
            bytes = try await expectation.output(of: call.name, in: order.id, from: bytes, in: site.folder)
            try expect(try readFile("\(place)/\(file)") == bytes, "\(place)/\(file) has other bytes than it should")
            input = output
        }
    }
}
