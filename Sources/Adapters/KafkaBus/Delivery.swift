import MillracePorts
import Platform
import Synchronization

/// The records of one `send` on their way: brings their positions when the last of them is acknowledged.
final class Delivery: Sendable {
    private struct State {
        var missing: Int
        var positions: [RecordPosition]
        var failure: BusError?
    }

    private let state: Mutex<State>
    private let reply = Reply<[RecordPosition], BusError>()

    init(_ places: [TopicPlace]) {
        state = Mutex(
            State(
                missing: places.count,
                positions: places.map { RecordPosition(topic: $0.topic, partition: $0.partition, offset: -1) }))
        if places.isEmpty { reply.bring(.success([])) }
    }

    /// The receipt that tells of it.
    var receipt: Receipt {
        Receipt { [reply] in
            do throws(BusError) { return .success(try await reply.value()) } catch { return .failure(error) }
        }
    }

    /// One of its records has arrived, or never will. The first failure is told, when all are done with.
    func settle(_ index: Int, _ result: Result<Int64, BusError>) {
        let outcome = state.withLock { state -> Result<[RecordPosition], BusError>? in
            switch result {
            case .success(let offset): state.positions[index].offset = offset
            case .failure(let error): if state.failure == nil { state.failure = error }
            }
            state.missing -= 1
            guard state.missing == 0 else { return nil }
            return state.failure.map { .failure($0) } ?? .success(state.positions)
        }
        if let outcome { reply.bring(outcome) }
    }
}

/// Where a record goes.
struct TopicPlace: Hashable, Sendable {
    var topic: String
    var partition: Int
}

/// One record on its way; librdkafka carries a reference to it and gives it back with the report.
final class SentRecord: Sendable {
    let delivery: Delivery
    let index: Int
    let place: TopicPlace
    let size: Int

    init(_ delivery: Delivery, index: Int, place: TopicPlace, size: Int) {
        self.delivery = delivery
        self.index = index
        self.place = place
        self.size = size
    }
}
