import ArgumentParser
import MillraceCore

struct OrdersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "orders", abstract: "Orders, their steps, their images.",
        subcommands: [OrdersList.self, OrdersGet.self, OrdersWatch.self, OrdersWait.self, OrdersOutput.self])
}

struct OrdersList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Orders, newest first.",
        discussion: "With -o json: one array of what `orders get` prints of each.")
    @Option(help: "only those in this state: \(OrderState.allCases.map(\.rawValue).joined(separator: ", "))")
    var state: String?
    @Option(help: "at most so many")
    var limit = 100
    @OptionGroup var options: ClientOptions

    func validate() throws {
        guard limit >= 1 else { throw ValidationError("--limit must be at least 1") }
        _ = try chosenState()
    }

    private func chosenState() throws -> OrderState? {
        guard let state else { return nil }
        guard let chosen = OrderState(rawValue: state) else {
            let states = OrderState.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--state must be one of \(states), not ‘\(state)’")
        }
        return chosen
    }

    func run() async throws {
        let (state, limit, format) = (try chosenState(), limit, options.format)
        let orders = try await MillraceClient.with(options) { try await $0.orders(state: state, limit: limit) }
        switch format {
        case .json: Output.line("[\(orders.map(\.jsonText).joined(separator: ","))]")
        case .text: OrderView.table(orders).show()
        }
    }
}

struct OrdersGet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "One order and its steps.",
        discussion: "Steps are counted from 0. What is not known is shown as –, and as null in JSON.")
    @Argument(help: "the order's id") var id: String
    @OptionGroup var options: ClientOptions

    func run() async throws {
        let (id, format) = (try OrderID(argument: id), options.format)
        let order = try await MillraceClient.with(options) { try await $0.order(id) }
        switch format {
        case .json: Output.line(order.jsonText)
        case .text:
            for line in order.headLines { Output.line(line) }
            Output.line("")
            order.stepTable.show()
        }
    }
}

struct OrdersWait: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wait", abstract: "Waits until orders have ended.",
        discussion: """
            Prints how each ended: with -o json one document per line, as they end. Exit status: 0 all finished; 1 one \
            did not, or not in time; 3 Millrace cannot be reached; 4 there is no such order.
            """)
    @Argument(help: ArgumentHelp("the orders' ids", valueName: "id")) var ids: [String]
    @Option(help: "wait no longer than this, such as 30s or 10m") var timeout: DurationArgument?
    @OptionGroup var options: ClientOptions

    func run() async throws {
        var parsed: [OrderID] = []
        for id in ids { parsed.append(try OrderID(argument: id)) }
        let (wanted, limit, format) = (parsed, timeout?.duration, options.format)
        try await MillraceClient.with(options) { client in
            try await OrderWaiter(client: client, progress: ProgressLine(format), format: format)
                .wait(for: wanted, timeout: limit)
        }
    }
}
