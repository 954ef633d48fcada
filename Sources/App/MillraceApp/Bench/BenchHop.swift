import ArgumentParser
import MillraceCore
import MillracePorts

/// From a record's sending to a waiting reader's having it, and to its being safe.
struct BenchHop: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hop", abstract: "From a record's sending to a waiting member's having it.")
    @Option(help: "records, one at a time") var records = 500
    @OptionGroup var options: BenchOptions

    func run() async throws {
        guard records >= 1 else { throw ValidationError("--records must be at least 1") }
        let (records, output) = (records, options.output)
        try await BenchSite.with(options.flags) { site in
            // Two handles, as two processes have them.
            let sender = try site.adapters.existingBus()
            let receiver = try site.adapters.existingBus()
            try await sender.createTopic("hop", partitions: 1, retention: .seconds(60))
            let member = try await receiver.join(Membership(topic: "hop", group: "hop", name: "hop"))
            guard case .assigned = try await member.next(limit: 1) else {
                throw Failure(.failed, "millrace: no partition")
            }
            var hops: [Double] = []
            var receipts: [Double] = []
            let value = [UInt8](repeating: 7, count: 700)
            for _ in 0..<records {
                let start = ContinuousClock.now
                async let received: ContinuousClock.Instant = {
                    while true {
                        if case .records = try await member.next(limit: 1) { return .now }
                    }
                }()
                let receipt = try await sender.send([OutgoingRecord(topic: "hop", partition: 0, key: "K", value: value)]
                )
                try await receipt.positions()
                receipts.append((ContinuousClock.now - start).inSeconds)
                hops.append((try await received - start).inSeconds)
                // The reader sleeps again before the next one comes.
                try await Task.sleep(for: .milliseconds(2))
            }
            await member.leave()
            await receiver.close()
            await sender.close()
            var figures = Figures()
            figures.set("seconds", percentiles: hops)
            figures.set("receiptSeconds", percentiles: receipts)
            figures.show(asJSON: output == .json)
        }
    }
}
