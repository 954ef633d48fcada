import CKafka
import Logging
import MillracePorts
import Synchronization

/// What the handles of a bus have last heard of their brokers, so that a time-out can say what lies beneath.
final class KafkaHealth: Sendable {
    private struct State {
        var trouble: String?
        var refusal: String?
    }

    private let state = Mutex(State())
    let logger: Logger

    init(logger: Logger) { self.logger = logger }

    /// What an operator has to mend, as one line: credentials, certificates.
    var refusal: String? { state.withLock { $0.refusal } }
    /// What went wrong last, if nothing has gone right since.
    var trouble: String? { state.withLock { $0.refusal ?? $0.trouble } }

    func succeeded() { state.withLock { $0 = State() } }

    /// Takes an error event to heart. It does not end what is under way: librdkafka goes on trying.
    func note(_ code: rd_kafka_resp_err_t, _ reason: String) {
        // It only says that all others have been heard of.
        if case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN = code { return }
        let line = code.refusal.map { "\($0.rawValue): \(reason)" } ?? reason
        state.withLock { state in
            if code.refusal == nil { state.trouble = line } else { state.refusal = line }
        }
        logger.debug("kafka: \(line)")
    }

    func note(event: OpaquePointer) {
        note(rd_kafka_event_error(event), String(cString: rd_kafka_event_error_string(event)))
    }

    func log(level: Int32, facility: String, _ text: String) {
        // 3 and below are errors in syslog's levels; the rest is for whoever looks for trouble.
        if facility == "CONFWARN" {
            logger.trace("kafka: \(text)")
        } else if level <= 3 {
            logger.debug("kafka: \(facility): \(text)")
        } else {
            logger.trace("kafka: \(facility): \(text)")
        }
    }
}
