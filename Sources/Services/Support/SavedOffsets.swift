public import Logging
public import MillracePorts

extension TopicDescription.Partition {
    /// Where to go on reading, and a warning where a topic was made anew.
    public func place(ofSaved offset: Int64?, in topic: TopicDescription, _ logger: Logger) -> Int64 {
        if let offset, offset > end {
            logger.warning(
                "\(topic.name)/\(number) ends at \(end), before the saved offset \(offset): it is replayed")
        }
        return place(ofSaved: offset)
    }
}
