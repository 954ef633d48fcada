public import MillracePorts

/// What a cluster refuses until an operator mends it; the causes of errors begin with it.
enum KafkaRefusal: String, CaseIterable {
    case credentials = "the broker refuses the credentials"
    case mechanism = "the broker does not take this kind of credentials"
    case tls = "no TLS connection"
    case topic = "no right to this topic"
    case group = "no right to this group"
    case cluster = "no right to this cluster"

    var remedy: String {
        switch self {
        case .credentials: "see sasl.username and sasl.password (MILLRACE_KAFKA_SASL_PASSWORD)"
        case .mechanism: "see sasl.mechanism, and which ones this listener has"
        case .tls:
            "see security.protocol, that the port is a TLS listener’s, and that ssl.ca.location is what signed its certificate"
        case .topic:
            "grant Describe, Read, Write, Create and Alter on Millrace’s topics and those that begin with _active."
        case .group: "grant Describe and Read on Millrace’s groups"
        case .cluster: "grant Create on the cluster, or make the topics by hand"
        }
    }
}

extension KafkaBus {
    /// How to mend what the cluster has refused; nil for other errors.
    public static func remedy(for error: BusError) -> String? {
        KafkaRefusal.allCases.first { error.cause?.hasPrefix($0.rawValue) == true }?.remedy
    }
}
