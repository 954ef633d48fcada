import CKafka
import MillracePorts

extension KafkaClient {
    /// With all topics of the cluster, as they are called there.
    func look(_ doing: String) throws(BusError) -> KafkaCheck {
        let (brokers, topics) = try metadata(of: nil, doing) { (metadata) throws(BusError) in
            let brokers = UnsafeBufferPointer(start: metadata.brokers, count: Int(metadata.broker_cnt))
            return (brokers.map { Int($0.id) }.sorted(), try metadata.placements(of: nil, doing))
        }
        // Not every user may ask for these, and not every cluster answers.
        let properties = brokers.first.flatMap { try? self.properties(ofBroker: $0, doing) } ?? [:]
        return KafkaCheck(
            clusterID: clusterID, brokers: brokers,
            version: properties["inter.broker.protocol.version"].flatMap {
                $0.split(separator: "-").first.map(String.init)
            },
            offsetRetention: properties["offsets.retention.minutes"].flatMap { Int64($0) }.map { .seconds($0 * 60) },
            library: String(cString: rd_kafka_version_str()),
            topics: topics)
    }

    /// Brokers tell it with their topics, so that it need not be asked for.
    private var clusterID: String? {
        guard let text = rd_kafka_clusterid(handle.pointer, 0) else { return nil }
        defer { rd_kafka_mem_free(handle.pointer, text) }
        return String(cString: text)
    }

    /// A broker's own settings.
    private func properties(ofBroker broker: Int, _ doing: String) throws(BusError) -> [String: String] {
        guard var resource = Optional(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_BROKER, String(broker))) else {
            return [:]
        }
        defer { rd_kafka_ConfigResource_destroy(resource) }
        return try administer(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, doing) { options, queue in
            rd_kafka_DescribeConfigs(handle.pointer, &resource, 1, options, queue)
        } take: { (event) throws(BusError) in
            var size = 0
            let found = rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &size)
            guard size > 0, let answer = found?[0] else { return [:] }
            let code = rd_kafka_ConfigResource_error(answer)
            if code.isError { throw BusError(code, doing) }
            var properties: [String: String] = [:]
            let entries = rd_kafka_ConfigResource_configs(answer, &size)
            for index in 0..<size {
                guard let entry = entries?[index], let name = rd_kafka_ConfigEntry_name(entry),
                    let value = rd_kafka_ConfigEntry_value(entry)
                else { continue }
                properties[String(cString: name)] = String(cString: value)
            }
            return properties
        }
    }
}
