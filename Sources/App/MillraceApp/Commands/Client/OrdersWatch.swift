import ArgumentParser
import MillraceCore

struct OrdersWatch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "A line for every change of an order or one of its steps.",
        discussion: """
            With an id: of that order, until it has ended; exit status 1 if it did not finish. Without: of all orders, \
            until none is left that has not ended, or Ctrl-C. -o json prints one document per line.

            Orders are looked at several times a second: a step that is shorter is told of when it has ended.
            """)
    @Argument(help: "the order's id") var id: String?
    @OptionGroup var options: ClientOptions

    func run() async throws {
        let format = options.format
        let base = try options.base()
        let id = try id.map { try OrderID(argument: $0) }
        try await untilInterrupted {
            try await MillraceClient.with(base: base) { client in
                let watch = Watch(client: client, format: format)
                if let id { try await watch.follow(id) } else { try await watch.followAll() }
            }
        }
    }
}

private struct Watch {
    let client: MillraceClient
    let format: DataFormat

    /// The newest orders that are looked at each time: those that came since the last time are among them, unless
    /// thousands come in a second.
    static let newest = 200
    /// Orders under way that are followed from the start.
    static let atStart = 10_000

    func follow(_ id: OrderID) async throws {
        var changes = OrderChanges()
        var pause = PollPause()
        while true {
            let order = try await client.order(id)
            let new = changes.take(order)
            show(new)
            if order.state.hasEnded {
                guard !order.hasFailed else {
                    throw Failure(.failed, "millrace: \(order.endLine)")
                }
                return
            }
            try await Task.sleep(for: pause.after(somethingHappened: !new.isEmpty))
        }
    }

    func followAll() async throws {
        var changes = OrderChanges()
        // What had ended before is no news.
        for order in try await client.orders(state: nil, limit: Self.newest) where order.state.hasEnded {
            changes.note(order)
        }
        var underWay: [OrderView] = []
        for state in [OrderState.accepted, .running] {
            underWay += try await client.orders(state: state, limit: Self.atStart)
        }
        underWay.sort { $0.submittedAt < $1.submittedAt }
        for order in underWay where !changes.knows(order.id) { show(changes.take(order)) }
        var queue = PollQueue(underWay.map(\.id))
        if queue.isEmpty, format == .text { Output.complain("millrace: no order is under way") }
        var pause = PollPause()
        while !queue.isEmpty {
            let newest = try await client.orders(state: nil, limit: Self.newest)
            let seen = Set(newest.map(\.id))
            let others = try await client.orders(queue.next().filter { !seen.contains($0) })
            var ended: Set<OrderID> = []
            var new: [OrderChanges.Change] = []
            for order in newest.reversed() + others {
                if !changes.knows(order.id), !order.state.hasEnded { queue.add(order.id) }
                new += changes.take(order)
                if order.state.hasEnded { ended.insert(order.id) }
            }
            queue.remove(ended)
            show(new)
            if !queue.isEmpty { try await Task.sleep(for: pause.after(somethingHappened: !new.isEmpty)) }
        }
    }

    private func show(_ changes: [OrderChanges.Change]) {
        for change in changes { Output.line(format == .json ? change.json : change.line) }
    }
}
