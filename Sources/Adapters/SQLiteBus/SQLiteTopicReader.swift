import GRDB
import MillraceCore
import MillracePorts
import Platform
import Synchronization

/// Reads partitions without a group: on demand, on a thread that sleeps until something comes.
final class SQLiteTopicReader: TopicReader {
    private struct State {
        var positions: [Int: Int64]
        /// What was read to the end of a batch and not yet taken.
        var surplus: ArraySlice<BusRecord> = []
        var isClosed = false
        var first = 0

        mutating func takeSurplus(_ limit: Int) -> [BusRecord] {
            let taken = Array(surplus.prefix(limit))
            surplus = surplus.dropFirst(taken.count)
            return taken
        }
    }

    private let file: BusFile
    private let reader: PartitionReader
    private let topicID: Int64
    private let state: Mutex<State>

    init(file: BusFile, topic: String, topicID: Int64, positions: [Int: Int64]) throws(BusError) {
        self.file = file
        self.topicID = topicID
        reader = PartitionReader(topic: topic, database: try file.openReader())
        state = Mutex(State(positions: positions))
    }

    func next(limit: Int) async throws(BusError) -> [BusRecord] {
        let limit = max(1, limit)
        let surplus = state.withLock { $0.takeSurplus(limit) }
        if !surplus.isEmpty { return surplus }
        let isCancelled = Mutex(false)
        let flag = CancelFlag(isCancelled)
        let result = await withTaskCancellationHandler {
            await NamedThread.run("bus-tail") { self.waitForRecords(limit: limit, flag) }
        } onCancel: {
            flag.value.withLock { $0 = true }
            file.wake.raise(Int(topicID))
        }
        return try result.get()
    }

    func close() async {
        state.withLock { $0.isClosed = true }
        file.wake.raise(Int(topicID))
    }

    private func waitForRecords(limit: Int, _ flag: CancelFlag) -> Result<[BusRecord], BusError> {
        while true {
            let seen = file.wake.count(Int(topicID))
            if flag.value.withLock({ $0 }) { return .success([]) }
            if state.withLock({ $0.isClosed }) {
                return .failure(BusError(.closed, "reading \(reader.topic)"))
            }
            do throws(BusError) {
                let records = try fetch(limit: limit)
                if !records.isEmpty { return .success(records) }
            } catch {
                return .failure(error)
            }
            file.wake.wait(Int(topicID), past: seen, atMost: .seconds(60))
        }
    }

    private func fetch(limit: Int) throws(BusError) -> [BusRecord] {
        var (positions, first) = state.withLock { ($0.positions, $0.first) }
        let records = try mapErrors("reading \(reader.topic)") {
            try reader.database.inDatabase { db in
                try reader.fetch(db, topicID: topicID, positions: &positions, limit: limit, first: first)
            }
        }
        return state.withLock { [positions] state in
            state.positions = positions
            if let last = records.last { state.first = last.partition + 1 }
            state.surplus = records[...]
            return state.takeSurplus(limit)
        }
    }

    private final class CancelFlag: Sendable {
        let value: Mutex<Bool>
        init(_ value: consuming sending Mutex<Bool>) { self.value = value }
    }
}
