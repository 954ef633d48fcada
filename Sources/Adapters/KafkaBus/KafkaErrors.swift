import CKafka
import MillracePorts

extension BusError {
    /// What an error of librdkafka or of a broker means to the port's users.
    init(_ code: rd_kafka_resp_err_t, _ doing: String, reason: String? = nil) {
        let text = String(cString: rd_kafka_err2str(code))
        let cause = reason.map { $0.isEmpty ? text : $0 } ?? text
        self.init(Code(code), doing, cause: code.refusal.map { "\($0.rawValue): \(cause)" } ?? cause)
    }

    /// Takes the error over.
    init(taking error: OpaquePointer, _ doing: String) {
        self.init(rd_kafka_error_code(error), doing, reason: String(cString: rd_kafka_error_string(error)))
        rd_kafka_error_destroy(error)
    }
}

extension BusError.Code {
    init(_ code: rd_kafka_resp_err_t) {
        self =
            switch code {
            case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
                RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
                .unknownTopic
            case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION: .unknownPartition
            case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE: .tooLarge
            case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET: .offsetOutOfRange
            case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
                RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
                RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST, RD_KAFKA_RESP_ERR__FENCED:
                .fenced
            case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE,
                RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
                .unsupported
            case RD_KAFKA_RESP_ERR__BAD_MSG, RD_KAFKA_RESP_ERR__BAD_COMPRESSION, RD_KAFKA_RESP_ERR_INVALID_MSG: .corrupt
            case RD_KAFKA_RESP_ERR__DESTROY: .closed
            // Everything else may pass: brokers come back, leaders are elected, rights are granted.
            default: .unavailable
            }
    }
}

extension rd_kafka_resp_err_t {
    /// What was refused, for errors that only an operator can end; nil for the others.
    var refusal: KafkaRefusal? {
        switch self {
        case RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED: .credentials
        case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM, RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE: .mechanism
        case RD_KAFKA_RESP_ERR__SSL: .tls
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED: .topic
        case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED: .group
        case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED: .cluster
        default: nil
        }
    }

    /// Whether it says that a partition's leader is not known, or not the one that was asked.
    var isUnsettledLeader: Bool {
        switch self {
        case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
            RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
            RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH, RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
            true
        default: false
        }
    }

    /// Whether a member's commit that ended so may succeed when the group has settled, or the broker is back.
    var isWorthCommittingAgain: Bool {
        switch self {
        case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
            RD_KAFKA_RESP_ERR__WAIT_COORD, RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__TIMED_OUT,
            RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
            RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
            RD_KAFKA_RESP_ERR_NOT_COORDINATOR, RD_KAFKA_RESP_ERR__RETRY, RD_KAFKA_RESP_ERR__IN_PROGRESS,
            RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
            true
        default: false
        }
    }
}

extension rd_kafka_resp_err_t {
    /// C enumerations have no patterns of their own.
    static func ~= (pattern: rd_kafka_resp_err_t, value: rd_kafka_resp_err_t) -> Bool {
        pattern.rawValue == value.rawValue
    }

    var isError: Bool { rawValue != RD_KAFKA_RESP_ERR_NO_ERROR.rawValue }
}
